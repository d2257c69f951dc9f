// torch_dict.hpp - a PyTorch state dict as a set of named arrays, and what our modules are called and shaped like
// there.
//
// Our names are the official ones. Where the official shape is not ours (always an axis of size 1 more or less), the
// table shape_rules says so, and nothing else does. load_torch and save_torch: torch_names.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "longwave/io/safetensors.hpp"
#include "longwave/nn/module.hpp"

namespace longwave {

// One array of a state dict. `data` refers to the file, or to `made` if a conversion made it.
struct TorchEntry {
  DType dtype = DType::f32;
  std::vector<index_t> shape;
  Bytes data;
  std::shared_ptr<const std::vector<double>> made;
};

struct StateDict {
  std::string source;  // the file, in messages
  std::map<std::string, TorchEntry> entries;
};

namespace torch_names {

// The file must outlive the result.
inline StateDict state_dict(const SafetensorsFile& file) {
  StateDict dict{file.path(), {}};
  for (const auto& [name, e] : file.entries()) dict.entries[name] = {e.dtype, e.shape, file.raw(name), nullptr};
  return dict;
}

// --- official shapes ----------------------------------------------------------------------------------------------

enum class ShapeChange { drop_first, drop_last, column };

// In a layer that has the parameter `kernel`, the official shape of `name` is ours with one axis of size 1 less or
// more.
struct ShapeRule {
  std::string_view kernel, name;
  ShapeChange change;
};

inline constexpr ShapeRule shape_rules[] = {
    {"kernel.log_A_real", "D", ShapeChange::drop_first},      // minimal S4D: (1, H) -> (H)
    {"kernel.inv_dt", "kernel.B", ShapeChange::drop_last},    // S4Block, is_real: (1, S, N, 1) -> (1, S, N)
    {"kernel.inv_dt", "kernel.C", ShapeChange::drop_last},    //                   (C, H, N, 1) -> (C, H, N)
    {"kernel.W", "output_linear.bias", ShapeChange::column},  // DSS, transposed: (O) -> (O, 1)
    {"kernel.W", "output_linear.0.bias", ShapeChange::column},
    {"kernel.kernel.log_dt", "output_linear.bias", ShapeChange::column},  // SSSD's S4: (O) -> (O, 1)
};

// Buffers that are one I64 without axes in PyTorch.
inline constexpr std::string_view counters[] = {"l_kernel", "num_batches_tracked"};

// Linear maps with an activation are a Sequential there, and without one are not: both spellings are the same to us.
inline constexpr std::string_view sequential[] = {"input_gate", "output_linear"};

}  // namespace torch_names

namespace detail {

// A parameter or buffer of a module, its type, rank and device forgotten.
struct TorchSlot {
  std::string name;
  DType dtype;
  std::vector<index_t> shape;
  void* data;
  void (*convert)(const std::byte*, DType, index_t, void*);                   // to data, of what torch_misfit let pass
  std::shared_ptr<const void> (*fetch)(const void* data, std::size_t bytes);  // to the host, from the device

  index_t count() const { return shape_bytes(shape, dtype) / dtype_bytes(dtype); }
};

template <class T, class D>
TorchSlot torch_slot(const std::string& name, std::vector<index_t> shape, T* data) {
  TorchSlot slot{name, dtype_of<T>, std::move(shape), data, {}, {}};
  if constexpr (std::is_same_v<D, Host>) {
    slot.convert = [](const std::byte* from, DType dtype, index_t n, void* out) {
      static_cast<void>(convert_elements(from, dtype, false, n, static_cast<T*>(out)));
    };
  } else {
    slot.fetch = copy_from_device;
    slot.convert = [](const std::byte* from, DType dtype, index_t n, void* out) {
      Tensor<T, 1> host(n);
      static_cast<void>(convert_elements(from, dtype, false, n, host.data()));
      cuda::copy_to_device(out, host.data(), host.bytes());
    };
  }
  return slot;
}

template <class Module>
std::vector<TorchSlot> torch_slots(Module& module) {
  std::vector<TorchSlot> slots;
  auto add = [&]<class T, int N, class D>(const std::string& name, Tensor<T, N, D>& to) {
    slots.push_back(torch_slot<T, D>(name, std::vector<index_t>(to.sizes().sizes, to.sizes().sizes + N), to.data()));
  };
  module.for_each_parameter([&](const std::string& name, auto& p) { add(name, p.value); });
  visit_buffers("", module, add);
  return slots;
}

template <class T, class D>
std::vector<TorchSlot> torch_slots(const std::vector<ParameterRef<T, D>>& refs) {
  std::vector<TorchSlot> slots;
  for (const ParameterRef<T, D>& ref : refs) slots.push_back(torch_slot<T, D>(ref.name, ref.shape, ref.value));
  return slots;
}

inline std::set<std::string> slot_names(const std::vector<TorchSlot>& slots) {
  std::set<std::string> names;
  for (const TorchSlot& slot : slots) names.insert(slot.name);
  return names;
}

inline bool is_real(DType dtype) { return dtype >= DType::f16 && dtype <= DType::f64; }

// Whether `name` is `part`, or ends with it after a dot; `base` becomes what comes before.
inline bool ends_with_part(std::string_view name, std::string_view part, std::string_view& base) {
  if (!name.ends_with(part)) return false;
  base = name.substr(0, name.size() - part.size());
  return base.empty() || base.back() == '.';
}

inline bool is_counter(const TorchSlot& slot) {
  std::string_view base;
  return slot.count() == 1 && std::any_of(std::begin(torch_names::counters), std::end(torch_names::counters),
                                          [&](std::string_view part) { return ends_with_part(slot.name, part, base); });
}

inline std::vector<index_t> official_shape(const TorchSlot& slot, const std::set<std::string>& names, bool transposed) {
  std::vector<index_t> shape = slot.shape;
  if (is_counter(slot)) return {};
  for (const torch_names::ShapeRule& rule : torch_names::shape_rules) {
    std::string_view base;
    if (!ends_with_part(slot.name, rule.name, base) || names.count(std::string(base) + std::string(rule.kernel)) == 0)
      continue;
    if (rule.change == torch_names::ShapeChange::column) {
      if (transposed) shape.push_back(1);
    } else {
      const auto axis = rule.change == torch_names::ShapeChange::drop_first ? shape.begin() : shape.end() - 1;
      if (*axis == 1) shape.erase(axis);
    }
  }
  return shape;
}

// The other spelling of a name whose linear map may be a Sequential, "" where there is none.
inline std::string other_spelling(const std::string& name) {
  for (const std::string_view linear : torch_names::sequential) {
    const std::size_t at = name.rfind(std::string(linear) + ".");
    if (at == std::string::npos || (at > 0 && name[at - 1] != '.')) continue;
    const std::size_t leaf = at + linear.size() + 1;
    const bool indexed = name.compare(leaf, 2, "0.") == 0;
    return name.substr(0, leaf) + (indexed ? name.substr(leaf + 2) : "0." + name.substr(leaf));
  }
  return "";
}

}  // namespace detail
}  // namespace longwave
