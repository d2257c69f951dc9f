#include <chrono>
#include <cstdio>

#include "trace_gan/backend.hpp"
#include "trace_gan/commands.hpp"
#include "trace_gan/saved.hpp"

namespace longwave::examples::trace_gan {

int generate(const GenerateArguments& a) {
  const auto start = std::chrono::steady_clock::now();
  if (a.align % 512 != 0)
    throw UsageError("--align is " + std::to_string(a.align) + ", expected a multiple of 512, the bytes of a sector");
  refuse_to_replace({a.out}, a.force);
  set_num_threads(static_cast<int>(a.threads));
  SavedModel model = load_model(a.model);
  const index_t rows = a.rows > 0 ? a.rows : model.options.num_entries;
  const std::int64_t seed = a.seed >= 0 ? a.seed : model.options.seed;
  const auto scaled =
      backend_of(a.device).generate(model.gan, rows, model.options.seq_len, generator_of(seed, noise_of_rows));
  write_rows(a.out, decode_rows(scaled, model.codec, {a.sort_time, a.align}));
  std::fprintf(stderr, "synthetic trace: %s, %lld rows in %.2f s\n", a.out.c_str(), static_cast<long long>(rows),
               std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return 0;
}

}  // namespace longwave::examples::trace_gan
