#include "longwave/diffusion/mask.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr MaskKind all_kinds[] = {MaskKind::rm, MaskKind::mnr, MaskKind::bm, MaskKind::forecast};

template <class T>
index_t blanks(TensorView<T, 1> channel) {
  index_t n = 0;
  for (index_t l = 0; l < channel.size(0); ++l) n += channel(l) == 0;
  return n;
}

template <class T>
bool equal(TensorView<T, 2> a, TensorView<T, 2> b) {
  return relative_error(a, b) == 0;
}

}  // namespace

TEST_CASE("mask: 1 is known, 0 to impute, and each kind blanks as many as it says") {
  Generator gen(1);
  for (const index_t L : {2, 7, 20, 100})
    for (const index_t k : {index_t(1), L / 3, L / 2, L - 1}) {
      if (k < 1) continue;
      for (const MaskKind kind : all_kinds) {
        Tensor<float, 2> mask(3, L);
        draw_mask(kind, k, gen, mask.view());
        for (index_t c = 0; c < 3; ++c) {
          for (index_t l = 0; l < L; ++l) REQUIRE((mask(c, l) == 0 || mask(c, l) == 1));
          const index_t n = blanks(mask.view()[c]);
          if (kind == MaskKind::rm || kind == MaskKind::forecast)
            CHECK(n == k);
          else
            CHECK((n == k || n == L % k));
        }
      }
    }
}

TEST_CASE("mask: mnr and bm blank one chunk of k; bm the same one everywhere, forecast the end") {
  Generator gen(2);
  const index_t C = 4, L = 23, k = 5;
  Tensor<double, 2> mask(C, L);
  bool apart = false;
  index_t seen[5] = {};
  for (int draw = 0; draw < 40; ++draw) {
    for (const MaskKind kind : {MaskKind::mnr, MaskKind::bm}) {
      draw_mask(kind, k, gen, mask.view());
      for (index_t c = 0; c < C; ++c) {
        index_t first = 0;
        while (mask(c, first) == 1) ++first;
        CHECK(first % k == 0);
        ++seen[first / k];
        for (index_t l = 0; l < L; ++l) CHECK(mask(c, l) == (l / k == first / k ? 0 : 1));
        const bool same = equal(mask.view().slice(0, c, c + 1), mask.view().slice(0, 0, 1));
        if (kind == MaskKind::bm) CHECK(same);
        if (kind == MaskKind::mnr) apart = apart || !same;
      }
    }
    draw_mask(MaskKind::forecast, k, gen, mask.view());
    for (index_t c = 0; c < C; ++c)
      for (index_t l = 0; l < L; ++l) CHECK(mask(c, l) == (l < L - k ? 1 : 0));
  }
  CHECK(apart);
  for (const index_t n : seen) CHECK(n > 0);  // the short last chunk as well
}

TEST_CASE("mask: random entries are spread evenly, channels differ") {
  Generator gen(3);
  const index_t L = 10, k = 3, draws = 2000;
  Tensor<double, 2> mask(2, L);
  Tensor<double, 1> count(L);
  index_t apart = 0;
  for (index_t draw = 0; draw < draws; ++draw) {
    draw_mask(MaskKind::rm, k, gen, mask.view());
    for (index_t l = 0; l < L; ++l) count(l) += 1 - mask(0, l);
    apart += !equal(mask.view().slice(0, 0, 1), mask.view().slice(0, 1, 2));
  }
  // 600 expected each, deviation 20: six of them
  for (index_t l = 0; l < L; ++l) CHECK(std::abs(count(l) - 600) < 120);
  CHECK(apart > draws * 9 / 10);
}

TEST_CASE("mask: one for the batch or one per sample, the same from the same generator") {
  for (const MaskKind kind : {MaskKind::rm, MaskKind::mnr, MaskKind::bm}) {
    Tensor<float, 3> each(8, 2, 30), again(8, 2, 30), one(8, 2, 30);
    Generator a(4), b(4), c(4);
    draw_mask(kind, 3, a, each.view(), MaskPer::sample);
    draw_mask(kind, 3, b, again.view());
    draw_mask(kind, 3, c, one.view(), MaskPer::batch);
    CHECK(relative_error(each, again) == 0);
    index_t differ = 0;
    for (index_t i = 1; i < 8; ++i) {
      CHECK(equal(one.view()[i], one.view()[0]));
      differ += !equal(each.view()[i], each.view()[0]);
    }
    CHECK(differ > 4);
    CHECK(equal(one.view()[0], each.view()[0]));
  }
  Tensor<float, 3> none(0, 2, 30);
  Generator gen(5);
  CHECK_NOTHROW(draw_mask(MaskKind::rm, 3, gen, none.view()));
}

TEST_CASE("mask: into views that are not contiguous") {
  Tensor<float, 2> transposed(9, 3), dense(3, 9);
  for (const MaskKind kind : all_kinds) {
    Generator a(6), b(6);
    draw_mask(kind, 4, a, dense.view());
    draw_mask(kind, 4, b, transposed.view().transpose(0, 1));
    CHECK(equal(dense.view(), transposed.view().transpose(0, 1)));
  }
}

TEST_CASE("mask: names there and back") {
  for (const MaskKind kind : all_kinds) CHECK(mask_kind(name_of(kind)) == kind);
  CHECK(error_text<ValueError>([] { mask_kind("nrm"); }) == "mask: 'nrm' is not one of rm, mnr, bm, forecast");
}

TEST_CASE("mask: errors say what was asked") {
  Generator gen(7);
  Tensor<float, 2> mask(2, 10);
  const auto draw = [&](MaskKind kind, index_t k) {
    return error_text<ValueError>([&] { draw_mask(kind, k, gen, mask.view()); });
  };
  CHECK(draw(MaskKind::rm, 10) ==
        "mask rm: k is 10 of 10 entries, so nothing would be known; expected less than the length");
  CHECK(draw(MaskKind::forecast, 11) ==
        "mask forecast: k is 11 of 10 entries, so nothing would be known; expected less than the length");
  CHECK(draw(MaskKind::bm, 0) == "mask bm: k is 0, expected at least 1");
  CHECK(draw(MaskKind::mnr, -3) == "mask mnr: k is -3, expected at least 1");

  Tensor<float, 3> own(2, 1, 3);
  detail::fill(own.view(), 1.0f);
  CHECK_NOTHROW(check_mask(own.view()));
  own(1, 0, 2) = 0.5f;
  CHECK(error_text<ValueError>([&] { check_mask(own.view()); }) ==
        "mask: entry (1, 0, 2) is 0.500000, expected 0 or 1");
  own(1, 0, 2) = NAN;
  CHECK(error_text<ValueError>([&] { check_mask(own.view()); }) == "mask: entry (1, 0, 2) is nan, expected 0 or 1");
  for (index_t l = 0; l < 3; ++l) own(1, 0, l) = 0;
  CHECK(error_text<ValueError>([&] { check_mask(own.view()); }) == "mask: nothing of sample 1 is known");
}
