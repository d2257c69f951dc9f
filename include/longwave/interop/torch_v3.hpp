// torch_v3.hpp - state dicts of older S4 code as version 4 names and stores them.
//
//   const SafetensorsFile file("old.safetensors");
//   load_torch(torch_names::from_v3(torch_names::state_dict(file)), model);
//
// Covered: state-spaces/s4 version 3 (kernels SSKernelNPLR and SSKernelDiag) and version 2 with its fork ag1988/dss
// (HippoSSKernel), wherever the layer is in a model. Not covered: version 1, which keeps B and P in one array. What
// changes for a layer p (its kernel is p kernel.kernel.*; all other names stay as they are):
//
//   p D, p kernel.kernel.X               p layer.D, p layer.kernel.X
//   p output_linear.{weight, bias}       p output_linear.0.{weight, bias}
//   log_dt (H)                           inv_dt (H, 1)
//   inv_w_real, log_w_real, inv_A_real   A_real
//   w_imag, A_imag: Im A                 A_imag: -Im A
//   w (.., 2), complex or two reals      A_real = log(-Re w), A_imag = -Im w
//   B, C, P complex                      B, C, P with a last axis of 2
//   L                                    l_kernel; where it is absent, from omega, the nodes of that length
//   omega, z, Q, A beside inv_A_real     left out; Q must be the conjugate of P
//
// All of it holds for the transforms exp of dt and A, the older code's. What is version 4 already stays as it is.
#pragma once

#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include "longwave/interop/torch_dict.hpp"

namespace longwave {

namespace detail {

enum class V3Change { keep, column, negate, w, omega, Q, drop };

struct V3Rule {
  std::string_view old_name, name;  // within the kernel
  V3Change change;
};

inline constexpr V3Rule v3_rules[] = {
    {"log_dt", "inv_dt", V3Change::column},
    {"inv_w_real", "A_real", V3Change::keep},
    {"log_w_real", "A_real", V3Change::keep},
    {"inv_A_real", "A_real", V3Change::keep},
    {"w_imag", "A_imag", V3Change::negate},
    {"A_imag", "A_imag", V3Change::negate},
    {"L", "l_kernel", V3Change::keep},
    {"w", "", V3Change::w},
    {"omega", "l_kernel", V3Change::omega},
    {"Q", "", V3Change::Q},
    {"z", "", V3Change::drop},
    {"A", "", V3Change::drop},
};

inline constexpr std::string_view v3_kernel = "kernel.kernel.";

// Works on one state dict; what cannot be converted is gathered in `problems`.
struct V3Conversion {
  const StateDict& from;
  StateDict to;
  std::string problems;

  // The part of `name` before kernel.kernel., if it has one.
  static std::optional<std::string> layer_of(const std::string& name) {
    const std::size_t at = name.rfind(v3_kernel);
    if (at == std::string::npos || (at > 0 && name[at - 1] != '.')) return std::nullopt;
    return name.substr(0, at);
  }

  void run() {
    to.source = from.source;
    std::set<std::string> layers;
    for (const auto& [name, entry] : from.entries)
      if (const auto layer = layer_of(name)) layers.insert(*layer);
    for (const auto& [name, entry] : from.entries) {
      if (const auto layer = layer_of(name))
        convert(*layer, name.substr(layer->size() + v3_kernel.size()), entry);
      else
        add(renamed(name, layers), entry);
    }
  }

 private:
  static std::string renamed(const std::string& name, const std::set<std::string>& layers) {
    std::string_view base;
    if (ends_with_part(name, "D", base) && layers.count(std::string(base)) > 0) return std::string(base) + "layer.D";
    for (const char* leaf : {"weight", "bias", "weight_g", "weight_v"})
      if (ends_with_part(name, std::string("output_linear.") + leaf, base) && layers.count(std::string(base)) > 0)
        return std::string(base) + "output_linear.0." + leaf;
    return name;
  }

  void convert(const std::string& layer, const std::string& leaf, TorchEntry entry) {
    const std::string kernel = layer + "layer.kernel.";
    if (entry.dtype == DType::c64) {  // the same bytes
      entry.dtype = DType::f32;
      entry.shape.push_back(2);
    }
    for (const V3Rule& rule : v3_rules) {
      if (leaf != rule.old_name) continue;
      const std::string name = kernel + std::string(rule.name);
      switch (rule.change) {
        case V3Change::column:
          entry.shape.push_back(1);
          return add(name, entry);
        case V3Change::negate:
          return change(name, entry, 0, 1, [](double x) { return -x; });
        case V3Change::w:
          change(kernel + "A_real", entry, 0, 2, [](double x) { return std::log(-x); });
          return change(kernel + "A_imag", entry, 1, 2, [](double x) { return -x; });
        case V3Change::omega:
          return length_of(layer, name, entry);
        case V3Change::Q:
          return check_Q(layer, entry);
        case V3Change::drop:
          if (leaf == "z" || find(layer, "inv_A_real") != nullptr) return;
          return add(kernel + leaf, entry);
        case V3Change::keep:
          return add(name, entry);
      }
    }
    add(kernel + leaf, entry);
  }

  const TorchEntry* find(const std::string& layer, const char* leaf) const {
    const auto found = from.entries.find(layer + std::string(v3_kernel) + leaf);
    return found == from.entries.end() ? nullptr : &found->second;
  }

  void add(const std::string& name, TorchEntry entry) {
    if (!to.entries.emplace(name, std::move(entry)).second) problem(name, "comes from two entries");
  }

  void add_made(const std::string& name, std::vector<index_t> shape, std::vector<double> numbers) {
    const auto made = std::make_shared<const std::vector<double>>(std::move(numbers));
    add(name, {DType::f64, std::move(shape), std::as_bytes(std::span(*made)), made});
  }

  void problem(const std::string& name, const std::string& what) { problems += "\n  " + name + " " + what; }

  // Real and imaginary parts side by side; nothing, and a problem, where the entry holds no such numbers.
  std::optional<std::vector<double>> values(const std::string& name, const TorchEntry& e) {
    const DType dtype = e.dtype == DType::c64 ? DType::f32 : e.dtype;
    std::vector<double> numbers(e.data.size() / static_cast<std::size_t>(dtype_bytes(dtype)));
    const std::string wrong =
        convert_elements(e.data.data(), dtype, false, static_cast<index_t>(numbers.size()), numbers.data());
    if (wrong.empty()) return numbers;
    problem(name, "cannot be converted: " + wrong);
    return std::nullopt;
  }

  // f of every step-th number from `first` on; step 2 takes one part of pairs.
  void change(const std::string& name, const TorchEntry& e, std::size_t first, std::size_t step, double (*f)(double)) {
    const auto all = values(name, e);
    if (!all) return;
    std::vector<index_t> shape = e.shape;
    if (step == 2) {
      if (shape.empty() || shape.back() != 2) return problem(name, "needs w as pairs, it is " + shape_text(e.shape));
      shape.pop_back();
    }
    std::vector<double> numbers;
    for (std::size_t i = first; i < all->size(); i += step) {
      numbers.push_back(f((*all)[i]));
      if (std::isnan(numbers.back()) && !std::isnan((*all)[i]))
        return problem(name, "needs Re w < 0, it is " + std::to_string((*all)[i]));
    }
    add_made(name, std::move(shape), std::move(numbers));
  }

  // omega_k = exp(-2 pi i k / L), k = 0 .. L / 2.
  void length_of(const std::string& layer, const std::string& name, const TorchEntry& omega) {
    if (find(layer, "L") != nullptr) return;
    const auto nodes = values(name, omega);
    if (!nodes) return;
    const double angle = nodes->size() >= 4 ? std::abs(std::atan2((*nodes)[3], (*nodes)[2])) : 2 * std::numbers::pi;
    const double length = std::round(2 * std::numbers::pi / angle);
    if (!(length >= 1 && length <= 0x1p40)) return problem(name, "cannot be told from omega");
    add_made(name, {}, {length});
  }

  void check_Q(const std::string& layer, const TorchEntry& Q) {
    const std::string name = layer + std::string(v3_kernel) + "Q";
    const TorchEntry* P = find(layer, "P");
    const auto q = values(name, Q), p = P != nullptr ? values(name, *P) : std::nullopt;
    if (!q || !p) return;
    bool conjugate = q->size() == p->size();
    for (std::size_t i = 0; conjugate && i < q->size(); ++i)
      conjugate = std::abs((*q)[i] - (i % 2 == 0 ? 1 : -1) * (*p)[i]) <= 1e-6 * (1 + std::abs((*p)[i]));
    if (!conjugate) problem(name, "is not the conjugate of P; version 4 has A = diag - P P*");
  }
};

}  // namespace detail

namespace torch_names {

// `old` refers to a file, which must outlive the result too. Throws an IoError that lists all that cannot be converted.
inline StateDict from_v3(const StateDict& old) {
  detail::V3Conversion conversion{old, {}, {}};
  conversion.run();
  if (!conversion.problems.empty())
    detail::throw_io_error(old.source, "the state dict cannot be converted to version 4" + conversion.problems);
  return std::move(conversion.to);
}

}  // namespace torch_names
}  // namespace longwave
