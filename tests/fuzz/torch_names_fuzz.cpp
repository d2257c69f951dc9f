#include "longwave/interop/torch_names.hpp"

#include "fuzz.hpp"
#include "longwave/interop/torch_v3.hpp"

using namespace longwave;

// The parts of an S4 that have rules of their own; the layer itself would only add time.
struct Layer {
  Parameter<float, 2> D{Extents<2>{1, 2}}, inv_dt{Extents<2>{2, 1}};
  Parameter<float, 4> C{Extents<4>{1, 2, 1, 2}};
  Parameter<double, 1> bias{Extents<1>{2}};
  Tensor<float, 1> l_kernel{Extents<1>{1}};

  template <class F>
  void for_each_parameter(F&& f) {
    f("layer.D", D);
    f("layer.kernel.inv_dt", inv_dt);
    f("layer.kernel.C", C);
    f("output_linear.0.bias", bias);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    f("layer.kernel.l_kernel", l_kernel);
  }
};

// Any file: loaded as far as it fits, and refused as a whole where it does not; as it is and as one of version 3.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const SafetensorsFile file(bytes, "input");
    const StateDict dict = torch_names::state_dict(file);
    Layer layer;
    const auto check = [&](const StateDict& d) {
      const TorchReport report = load_torch(d, layer, {.strict = false});
      if (!(layer.l_kernel(0) >= 0)) __builtin_trap();
      try {
        load_torch(d, layer, {.ignore = {"optimizer.*"}});
        if (!report.missing.empty() || !report.misfit.empty()) __builtin_trap();
      } catch (const IoError&) {
        if (report.loaded.size() == 5 && report.extra.empty()) __builtin_trap();
      }
    };
    check(dict);
    check(torch_names::from_v3(dict));
  });
}
