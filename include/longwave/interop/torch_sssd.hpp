// torch_sssd.hpp - state dicts of the official SSSD code (AI4HealthUOL/SSSD), in safetensors files, into our networks
// and back: Sssd, DiffWave (models/sssd.hpp, models/diffwave.hpp).
//
//   const SafetensorsFile file("150000.safetensors");                  // of the checkpoint's model_state_dict
//   load_torch(torch_names::from_sssd(torch_names::state_dict(file)), net);
//   save_sssd("sssd.safetensors", net);                                // load_state_dict(strict=True) takes it
//
// Names and shapes are the same but for the length that C~ is made for: ours is the buffer kernel.kernel.l_kernel,
// theirs the number of FFT nodes kernel.kernel.omega (L/2 + 1, 2) with z = 2 (1 - omega) / (1 + omega) beside it. Both
// are recomputed from the length and their numbers are not read. Anything missing is an error, as with load_torch.
#pragma once

#include <cmath>
#include <deque>
#include <numbers>

#include "longwave/interop/torch_names.hpp"
#include "longwave/nn/init.hpp"

namespace longwave {

namespace torch_names {

// The state dict with our names. The file must outlive the result.
inline StateDict from_sssd(const StateDict& official) {
  constexpr std::string_view omega = "kernel.kernel.omega", z = "kernel.kernel.z";
  StateDict dict{official.source, {}};
  for (const auto& [name, entry] : official.entries) {
    std::string_view base;
    if (detail::ends_with_part(name, z, base)) continue;
    if (!detail::ends_with_part(name, omega, base)) {
      dict.entries[name] = entry;
      continue;
    }
    if (entry.shape.size() != 2 || entry.shape[0] < 2 || entry.shape[1] != 2)
      detail::throw_io_error(official.source, name + " is " + detail::shape_text(entry.shape) +
                                                  ", expected (L/2 + 1, 2): the FFT nodes for L samples");
    TorchEntry length{DType::f64, {}, {}, nullptr};
    length.made = std::make_shared<const std::vector<double>>(1, 2 * static_cast<double>(entry.shape[0] - 1));
    length.data = Bytes(reinterpret_cast<const std::byte*>(length.made->data()), sizeof(double));
    dict.entries[std::string(base) + "kernel.kernel.l_kernel"] = length;
  }
  return dict;
}

}  // namespace torch_names

namespace detail {

// A network as the official code sees it: FFT nodes in place of the length.
template <class Net>
struct OfficialSssd {
  using value_type = module_value<Net>;
  using device_type = module_device<Net>;

  Net& net;
  std::deque<Tensor<value_type, 2, device_type>> nodes = {};

  template <class F>
  void for_each_parameter(F&& f) {
    net.for_each_parameter(f);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers("", net, [&](const std::string& name, auto& buffer) {
      std::string_view base;
      if (!ends_with_part(name, "kernel.kernel.l_kernel", base)) return f(name, buffer);
      const auto stored = init::host_values(buffer.view().flat());
      const auto L = static_cast<index_t>(TensorView<const value_type, 1>(stored)(0));
      f(std::string(base) + "kernel.kernel.omega", make_nodes(L, false));
      f(std::string(base) + "kernel.kernel.z", make_nodes(L, true));
    });
  }

 private:
  // omega_k = e^{-2 pi i k / L}, or z_k = 2 (1 - omega_k) / (1 + omega_k) = 2 i tan(pi k / L): k = 0 .. L/2. At k = L/2
  // z has a pole, where floats of the official code hold a number near 1e16.
  Tensor<value_type, 2, device_type>& make_nodes(index_t L, bool bilinear) {
    Tensor<value_type, 2, device_type>& to = nodes.emplace_back(L / 2 + 1, 2);
    init::on_host(to.view(), [&](TensorView<value_type, 2> x) {
      for (index_t k = 0; k < x.size(0); ++k) {
        const double t = std::numbers::pi * static_cast<double>(k) / static_cast<double>(L);
        x(k, 0) = bilinear ? value_type(0) : static_cast<value_type>(std::cos(2 * t));
        x(k, 1) = static_cast<value_type>(bilinear ? 2 * std::tan(t) : -std::sin(2 * t));
      }
    });
    return to;
  }
};

}  // namespace detail

// Replaces `path` as a whole.
template <module_like Net>
void save_sssd(const std::string& path, Net& net, const SaveTorchOptions& options = {}) {
  detail::OfficialSssd<Net> official{net};
  save_torch(path, official, options);
}

}  // namespace longwave
