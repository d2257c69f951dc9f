#include "sssd/batches.hpp"

#include <algorithm>
#include <cmath>

namespace longwave::examples::sssd {

Tensor<float, 3> coded_values(ModelKind kind, const Coding& coding, const SeriesSet& set) {
  auto coded = Tensor<float, 3>::uninitialized(set.x.sizes());
  for (index_t i = 0; i < set.size(); ++i)
    for (index_t c = 0; c < set.channels(); ++c)
      for (index_t l = 0; l < set.length(); ++l)
        coded(i, c, l) = set.known(i, c, l) != 0 ? encode(kind, coding, set.x(i, c, l), c) : 0.0f;
  return coded;
}

Batches::Batches(const Options& options, const SeriesSet& set, const Coding& coding, Generator rows_, Generator masks_)
    : rows(rows_),
      masks(masks_),
      options_(options),
      set_(set),
      coding_(coding),
      coded_(coded_values(model_kind(options), coding, set)) {
  const index_t B = std::min<index_t>(options.train.batch_size, set.size());
  const Extents<3> sizes{B, set.channels(), set.length()};
  batch_ = {Tensor<float, 3>(sizes), Tensor<float, 3>(sizes), Tensor<float, 3>(sizes)};
  chosen_.resize(static_cast<std::size_t>(B));
  order_ = Tensor<index_t, 1>(set.size());
  for (index_t i = 0; i < set.size(); ++i) order_(i) = i;
  lots_ = Tensor<float, 1>(B);
  guess_ = Tensor<float, 2>(set.channels(), set.length());
  for (index_t i = 0; i < set.known.count(); ++i) complete_ = complete_ && set.known.data()[i] != 0;
  const bool official = is_npy(options.trainset.train_data_path);
  per_sample_ = options.train.mask_per_sample < 0 ? !official : options.train.mask_per_sample == 1;
}

void Batches::choose_rows(std::int64_t n) {
  const auto B = static_cast<index_t>(chosen_.size()), N = set_.size();
  if (!options_.train.shuffle) {
    for (index_t b = 0; b < B; ++b) chosen_[static_cast<std::size_t>(b)] = (n * B + b) % N;
    return;
  }
  // The first B swaps of Fisher-Yates, taken back afterwards.
  const PhiloxKey key = rows.next();
  std::vector<index_t>& swapped = chosen_;
  for (index_t b = 0; b < B; ++b) {
    const PhiloxWords words = philox(key, static_cast<std::uint64_t>(b));
    const std::uint64_t bits = std::uint64_t(words.word[0]) << 32 | words.word[1];
    const auto j = b + static_cast<index_t>(detail::uint128(bits) * static_cast<std::uint64_t>(N - b) >> 64);
    std::swap(order_(b), order_(j));
    swapped[static_cast<std::size_t>(b)] = j;
  }
  for (index_t b = B; b-- > 0;) {
    const index_t row = order_(b), j = swapped[static_cast<std::size_t>(b)];
    swapped[static_cast<std::size_t>(b)] = row;
    std::swap(order_(b), order_(j));
  }
}

void Batches::blank() {
  const Options::Train& t = options_.train;
  draw_mask(mask_kind(t.masking), t.missing_k, masks, batch_.mask.view(),
            per_sample_ ? MaskPer::sample : MaskPer::batch);
  if (t.uncond_prob > 0) {
    masks.uniform(lots_.view());
    for (index_t b = 0; b < lots_.size(0); ++b)
      if (static_cast<double>(lots_(b)) < t.uncond_prob)
        std::fill_n(&batch_.mask(b, 0, 0), set_.channels() * set_.length(), 0.0f);
  }
  if (complete_) return;
  for (index_t i = 0; i < batch_.mask.count(); ++i)
    if (batch_.observed.data()[i] == 0) batch_.mask.data()[i] = 0;
}

void Batches::subtract_guess() {
  const Guess kind = guess_kind(coding_.guess);
  for (index_t b = 0; b < batch_.x0.size(0); ++b) {
    const TensorView<float, 2> x = batch_.x0.view()[b];
    const TensorView<const float, 2> mask = batch_.mask.view()[b];
    make_guess(kind, coding_.period, guess_.view(), x, mask);
    to_residual(x, guess_.view(), mask, coding_.guess_unit);
  }
}

void fit_guess(const Options& options, const SeriesSet& train, Coding& coding) {
  coding.guess = options.trainset.guess;
  coding.period = options.trainset.period;
  if (coding.guess == "none") return;
  const index_t N = train.size(), C = train.channels(), L = train.length(), windows = std::min<index_t>(N, 500);
  std::vector<double> squares(static_cast<std::size_t>(C)), count(squares);
  Tensor<float, 2> x(C, L), mask(C, L), guess(C, L);
  Generator gen(static_cast<std::uint64_t>(options.train.seed), 300);
  for (index_t i = 0; i < windows; ++i) {
    const index_t row = i * N / windows;
    draw_mask(mask_kind(options.train.masking), options.train.missing_k, gen, mask.view());
    for (index_t c = 0; c < C; ++c)
      for (index_t l = 0; l < L; ++l) {
        x(c, l) = coding.encode(train.x(row, c, l), c);
        if (train.known(row, c, l) == 0) mask(c, l) = 0;
      }
    make_guess(guess_kind(coding.guess), coding.period, guess.view(), x, mask);
    for (index_t c = 0; c < C; ++c)
      for (index_t l = 0; l < L; ++l) {
        if (mask(c, l) != 0 || train.known(row, c, l) == 0) continue;
        const double wrong = static_cast<double>(x(c, l)) - static_cast<double>(guess(c, l));
        squares[static_cast<std::size_t>(c)] += wrong * wrong;
        ++count[static_cast<std::size_t>(c)];
      }
  }
  coding.guess_unit.assign(squares.size(), 1.0);
  for (std::size_t c = 0; c < squares.size(); ++c)
    if (squares[c] > 0) coding.guess_unit[c] = std::sqrt(squares[c] / count[c]);
}

void Batches::make(std::int64_t n) {
  choose_rows(n);
  const index_t size = set_.channels() * set_.length();
  for (index_t b = 0; b < batch_.x0.size(0); ++b) {
    const index_t row = chosen_[static_cast<std::size_t>(b)];
    std::copy_n(&coded_(row, 0, 0), size, &batch_.x0(b, 0, 0));
    std::copy_n(&set_.known(row, 0, 0), size, &batch_.observed(b, 0, 0));
  }
  blank();
  if (coding_.guess != "none") subtract_guess();
}

}  // namespace longwave::examples::sssd
