#include "longwave/core/add_rows.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("add_rows: pieces of 16 bytes agree with single elements", "", float, double) {
  using T = TestType;
  using Wide = impl::AddRowsWide<T, Host>;
  const index_t B = 3, O = 5;
  for (const index_t L : {4, 12, 200})
    for (const index_t K : {0, 1, 3})
      for (const bool with_x : {false, true}) {
        const auto x = random<T>(Extents<3>{B, O, L}, 1), c = random<T>(Extents<3>{B, K, L}, 2);
        const auto bias = random<T>(Extents<1>{O}, 3);
        const auto W = random<T>(Extents<2>{O, K}, 4);
        Tensor<T, 3> one(B, O, L), wide(B, O, L);
        impl::AddRows<T, Host> rows{one.data(),
                                    with_x ? x.data() : nullptr,
                                    one.sizes(),
                                    impl::for_all_entries(TensorView<const T, 1>(bias), B),
                                    K > 0 ? TensorView<const T, 3>(c) : TensorView<const T, 3>(),
                                    W,
                                    T(0.75)};
        REQUIRE(Wide::takes(rows));
        for (index_t i = 0; i < one.count(); ++i) rows(i);
        rows.y = wide.data();
        for (index_t i = 0; i < wide.count() / Wide::width; ++i) Wide{rows}(i);
        CHECK(relative_error(wide, one) <
              (sizeof(T) == 4 ? 1e-6 : 1e-15));  // multiply-adds may be fused in one of them
      }
}

TEST_CASE("add_rows: rows that are no whole pieces, or do not start on one, are taken one by one") {
  Tensor<float, 3> y(1, 2, 6);
  impl::AddRows<float, Host> rows{y.data(), nullptr, y.sizes(), {}, {}, {}, 1};
  CHECK_FALSE((impl::AddRowsWide<float, Host>::takes(rows)));
  rows.sizes = {1, 2, 4};
  CHECK((impl::AddRowsWide<float, Host>::takes(rows)));
  rows.x = y.data() + 1;
  CHECK_FALSE((impl::AddRowsWide<float, Host>::takes(rows)));
}
