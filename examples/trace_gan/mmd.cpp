#include <cstdio>

#include "longwave/io/file.hpp"
#include "longwave/metrics/mmd_permutation.hpp"
#include "longwave/metrics/random_fourier.hpp"
#include "trace_gan/commands.hpp"
#include "trace_gan/comparison.hpp"
#include "trace_gan/saved.hpp"

namespace longwave::examples::trace_gan {

namespace {

std::vector<TraceColumn> columns_of(const MmdArguments& a) {
  using C = TraceColumn;
  std::vector<TraceColumn> columns;
  for (const std::string& name : a.columns) {
    columns.push_back(trace_column(name));
    if (std::count(columns.begin(), columns.end(), columns.back()) > 1)
      throw UsageError("--columns names " + name + " twice");
  }
  if (!columns.empty()) return columns;
  if (a.protocol == "p2") return {C::lba, C::length};
  if (a.protocol == "p3") return {C::lba, C::latency};
  return {C::timestamp, C::length, C::lba, C::latency};
}

void print(const char* name, const MmdScore& score, bool with_root) {
  std::printf("%-28s MMD^2 %.6g", name, score.mmd2);
  if (with_root) std::printf("  MMD %.6g", score.root());
  std::printf("  (sigma %.6g, %lld and %lld rows)\n", score.sigma, static_cast<long long>(score.n),
              static_cast<long long>(score.m));
}

// The permutation test and the approximate value on the rows and with the sigma of p1.
void print_further(const MmdArguments& a, TensorView<const double, 2> original, TensorView<const double, 2> synthetic,
                   double sigma) {
  auto x = subsample_rows(original, a.max_rows, Generator(static_cast<std::uint64_t>(a.seed), 0));
  auto y = subsample_rows(synthetic, a.max_rows, Generator(static_cast<std::uint64_t>(a.seed), 1));
  const auto moments = a.protocol == "p1" ? detail::column_moments({x, y}) : detail::column_moments({x});
  moments.apply(x);
  moments.apply(y);
  if (a.permutations > 0) {
    const auto test =
        mmd_permutation_test<double>(x, y, RbfMixture(sigma), a.permutations, static_cast<std::uint64_t>(a.seed));
    std::printf("permutation test             p %.4g  (%lld permutations)\n", test.p_value,
                static_cast<long long>(a.permutations));
  }
  if (a.features > 0)
    std::printf("random Fourier features      MMD^2 %.6g  (%lld features; error of the order %.1g)\n",
                mmd_random_fourier(x, y, RbfMixture(sigma),
                                   {.features = a.features, .seed = static_cast<std::uint64_t>(a.seed)}),
                static_cast<long long>(a.features), 1 / std::sqrt(static_cast<double>(a.features)));
}

}  // namespace

int mmd_command(const MmdArguments& a) {
  if (!a.curves.empty()) refuse_to_replace({a.curves}, a.force);
  set_num_threads(static_cast<int>(a.threads));
  const std::vector<TraceColumn> columns = columns_of(a);
  const BlockTrace original = read_columns(a.original, trace_layout(a.layout), a.max_lines, columns);
  const BlockTrace synthetic = read_columns(a.synthetic, TraceLayout::automatic, a.max_lines, columns);
  const MmdProtocol protocol = a.protocol == "p1"   ? MmdProtocol::p1
                               : a.protocol == "p2" ? MmdProtocol::p2
                                                    : MmdProtocol::p3;
  MmdProtocolOptions options;
  options.max_rows = a.max_rows;
  options.seed = static_cast<std::uint64_t>(a.seed);
  options.single_precision = a.single_precision;
  const bool with_root = protocol != MmdProtocol::p1;
  const MmdScore score = mmd_protocol(protocol, original.view(), synthetic.view(), options);
  print("synthetic", score, with_root);
  if (!a.no_references)
    for (const Reference& reference : references(protocol, original.view(), synthetic.rows(), options))
      print(reference.name, reference.score, with_root);
  print_further(a, original.view(), synthetic.view(), score.sigma);
  if (!a.curves.empty()) {
    AtomicFile file(a.curves);
    file.write(curves_csv(original, synthetic));
    file.commit();
  }
  return 0;
}

}  // namespace longwave::examples::trace_gan
