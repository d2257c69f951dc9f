#include "longwave/core/ssim_tiles.hpp"

#include <vector>

#include "host_place.hpp"
#include "typed_ssim.hpp"

using namespace longwave;
using namespace longwave::test;
using namespace longwave::detail;

namespace {

// The kernels of cuda/kernels/ssim.cuh: what lies between two barriers is a loop over elements.
template <class T, int Rows, int Columns>
void forward_by_tiles(TensorView<T, 3> S, TensorView<const T, 3> a, TensorView<const T, 3> b) {
  using Tile = SsimTile<T, Rows, Columns, 3>;
  std::vector<T> room(static_cast<std::size_t>(Tile::room));
  for (index_t tile = 0; tile < SsimPlace::count(a.sizes(), Rows, Columns); ++tile) {
    const SsimPlace at(tile, a.size(1), a.size(2), Rows, Columns);
    for (int i = 0; i < Tile::loads; ++i) Tile::load(room.data(), i, at, a, b);
    for (int i = 0; i < Tile::row_sums; ++i) Tile::sum_row(room.data(), i);
    for (int i = 0; i < Tile::pixels; ++i) Tile::store(S, room.data(), i, at);
  }
}

template <class T, int Rows, int Columns>
void backward_by_tiles(TensorView<T, 3> da, TensorView<T, 3> db, TensorView<const T, 3> dS, TensorView<const T, 3> a,
                       TensorView<const T, 3> b) {
  using Tile = SsimTile<T, Rows, Columns, 6>;
  struct Slopes {
    T at[4];
  };
  std::vector<T> room(static_cast<std::size_t>(Tile::room));
  std::vector<Slopes> slopes(static_cast<std::size_t>(Tile::means));
  for (index_t tile = 0; tile < SsimPlace::count(a.sizes(), Rows, Columns); ++tile) {
    const SsimPlace at(tile, a.size(1), a.size(2), Rows, Columns);
    for (int i = 0; i < Tile::loads; ++i) Tile::load(room.data(), i, at, a, b);
    for (int i = 0; i < Tile::row_sums; ++i) Tile::sum_row(room.data(), i);
    for (int i = 0; i < Tile::means; ++i) Tile::slopes(slopes[static_cast<std::size_t>(i)].at, room.data(), i, at, dS);
    for (int i = 0; i < Tile::means; ++i) Tile::keep(room.data(), i, slopes[static_cast<std::size_t>(i)].at);
    for (int i = 0; i < Tile::adjoint_rows; ++i) Tile::adjoint_row(room.data(), i, at, a.size(2));
    for (int i = 0; i < Tile::pixels; ++i) Tile::gradient(da, db, room.data(), i, at, a, b);
  }
}

template <class T, int ForwardRows, int BackwardRows, int Columns>
void check_tiles(Extents<3> sizes) {
  INFO(to_string(sizes));
  const auto a = near_half<T>(sizes, 51), b = near_half<T>(sizes, 52), dS = random<T>(sizes, 53);
  const auto wide = [](const Tensor<T, 3>& x) {
    Tensor<double, 3> y(x.sizes());
    std::copy(x.data(), x.data() + x.count(), y.data());
    return y;
  };
  const SsimByDefinition want(wide(a).view(), wide(b).view(), wide(dS).view());
  auto S = unwritten<T, 3, Host>(sizes), da = unwritten<T, 3, Host>(sizes), db = unwritten<T, 3, Host>(sizes);
  forward_by_tiles<T, ForwardRows, Columns>(S.view(), a.view(), b.view());
  backward_by_tiles<T, BackwardRows, Columns>(da.view(), db.view(), dS.view(), a.view(), b.view());
  const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-11;
  CHECK(relative_error(S, want.S) < tolerance);
  CHECK(relative_error(da, want.da) < tolerance);
  CHECK(relative_error(db, want.db) < tolerance);
}

}  // namespace

TEST_CASE("ssim_tiles: shares are those that reflection makes, and add up to what windows have") {
  for (const index_t n : {4, 5, 7, 20})
    for (index_t centre = 0; centre < n; ++centre) {
      double given = 0;
      for (index_t i = 0; i < n; ++i) {
        if (std::abs(centre - i) > 3) continue;
        double want = 0;
        for (index_t k = -3; k <= 3; ++k)
          if (SsimWindow::reflect(centre + k, n) == i) want += SsimWindow::weight(k);
        const double got = ssim_share<double>(i, static_cast<int>(centre - i), n);
        CHECK(got == Approx(want));
        given += got;
      }
      CHECK(given == Approx(1));
    }
}

TEMPLATE_TEST_CASE("ssim_tiles: tiles make what the definition says, wherever they are cut", "", float, double) {
  using T = TestType;
  for (const Extents<3> sizes : {Extents(1, 4, 4), Extents(2, 5, 7), Extents(1, 4, 70), Extents(1, 70, 4),
                                 Extents(2, 17, 33), Extents(1, 65, 20)}) {
    check_tiles<T, 16, 8, 32>(sizes);
    check_tiles<T, 16, 16, 32>(sizes);
  }
}
