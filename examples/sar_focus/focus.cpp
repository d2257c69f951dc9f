// focus - a product's range-compressed columns through a trained network: the array az_learned and a picture.
#include <chrono>
#include <cstdio>

#include "common/device.hpp"
#include "longwave/core/parallel.hpp"
#include "sar_focus/commands.hpp"
#include "sar_focus/focuser.hpp"
#include "sar_focus/picture.hpp"

namespace longwave::examples::sar_focus {

int focus(const FocusArguments& a) {
  const std::string group = a.out.empty() ? a.product : a.out;
  const std::string array = group + "/az_learned", picture = group + "/az_learned.png";
  refuse_to_replace({array, picture}, a.force);
  if (!a.whole) check_chunks(a.chunk, a.overlap);
  set_num_threads(static_cast<int>(a.threads));
  const TrainedNetwork trained = load_trained(a.model);
  SarSampling sampling = sampling_of(trained.options);
  sampling.level_to = sampling.level_from;  // an image is not needed
  const SarProduct product(a.product, sampling);
  sampling.level_to = trained.options.level_to;
  const std::vector<Chunk> chunks = chunks_of(product.rows(), a.whole ? 0 : a.chunk, a.overlap);
  const auto focuser = make_focuser(trained, a.device);

  const auto start = std::chrono::steady_clock::now();
  const Image image = focus_product(*focuser, product, sampling, chunks);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  if (!a.out.empty() && !file_exists(group + "/.zgroup")) ZarrGroup::create(group);
  const auto& layout = product.from().metadata();
  ZarrArray::create(array, {.shape = layout.shape, .chunks = layout.chunks, .dtype = DType::c64, .overwrite = a.force})
      .write(image.view(), {0, 0});
  write_picture(picture, image.view());
  std::printf("%lld columns of %lld rows in %.2f s on %s, %zu chunk%s each\n%s\n%s\n",
              static_cast<long long>(product.columns()), static_cast<long long>(product.rows()), time.count(),
              describe_device(a.device).c_str(), chunks.size(), chunks.size() == 1 ? "" : "s", array.c_str(),
              picture.c_str());
  return 0;
}

}  // namespace longwave::examples::sar_focus
