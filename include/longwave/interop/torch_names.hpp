// torch_names.hpp - state dicts of the official PyTorch code, in safetensors files, into modules by name and back.
//
//   load_torch("model.safetensors", layer);                            // or a SafetensorsFile, or a StateDict
//   load_torch("run.safetensors", backbone, {.prefix = "model."});     // a part of a larger file
//   save_torch("model.safetensors", layer);                            // load_state_dict(strict=True) takes it
//
// Covered: state-spaces/s4 version 4 (S4Block with the kernels dplr and diag; the minimal s4d.py and the model of
// example.py; the backbone SequenceModel with its norms, residuals, pools and decoders) and ag1988/dss (DSS). The names
// are those of our modules. Versions 2 and 3 of S4: torch_v3.hpp.
//
// Loading compares everything first: one IoError lists what is missing, what is too much and what does not fit, and
// then no value has changed. Shapes agree up to axes of size 1, such as D (H) and (1, H); nothing is transposed. F16,
// BF16, F32 and F64 are converted to the module's type. Counters (l_kernel, num_batches_tracked) are whole numbers that
// it must hold exactly.
// Saving writes the official shapes, in the module's type; where they are not the module's, shape_rules says so.
#pragma once

#include <cmath>
#include <deque>
#include <utility>

#include "longwave/interop/torch_dict.hpp"

namespace longwave {

struct LoadTorchOptions {
  std::string prefix = "";  // of the module's names in the file; entries without it are left alone
  bool strict = true;       // false: load what fits and report the rest
  std::vector<std::string> ignore =
      {};  // names, without the prefix, that may be too much; "optimizer.*": all that begin so
};

// Names without the prefix.
struct TorchReport {
  std::vector<std::string> loaded, missing, extra, misfit;  // misfit: there, with another shape or type
};

struct SaveTorchOptions {
  std::string prefix = "";
  bool transposed = true;  // DSS: as from DSS(transposed=True), the class's default: output_linear's bias is (O, 1)
};

namespace detail {

inline std::vector<index_t> without_ones(std::vector<index_t> shape) {
  std::erase(shape, 1);
  return shape;
}

// Single characters to insert, remove or replace on the way from a to b.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j)
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
  }
  return row[b.size()];
}

// The one of `names` that is most like `name`; "" where none is, or where it would take long to know.
inline std::string nearest_name(const std::string& name, const std::vector<std::string>& names) {
  std::string nearest;
  std::size_t least = name.size() / 3 + 1;
  if (names.size() > 1000 || name.size() > 200) return nearest;
  for (const std::string& other : names) {
    if (other.size() > 200) continue;
    const std::size_t distance = edit_distance(name, other);
    if (distance < least) {
      least = distance;
      nearest = other;
    }
  }
  return nearest;
}

// What is wrong with an entry for this slot, "" when it fits.
inline std::string torch_misfit(const TorchSlot& slot, const TorchEntry& entry, const std::vector<index_t>& official) {
  const std::string there = std::string(dtype_name(entry.dtype)) + " " + shape_text(entry.shape) + " in the file";
  if (without_ones(entry.shape) != without_ones(slot.shape))
    return "is " + there + ", " + shape_text(official) + " here";
  if (is_counter(slot)) {
    double value = 0;
    if (!convert_elements(entry.data.data(), entry.dtype, false, 1, &value).empty())
      return "is " + there + ", expected I64";
    const double here = slot.dtype == DType::f32 ? static_cast<double>(static_cast<float>(value)) : value;
    if (!(value >= 0 && value < 0x1p53) || value != std::floor(value) || here != value)
      return "is " + std::to_string(value) + ", expected a count that " + dtype_name(slot.dtype) + " holds exactly";
    return "";
  }
  if (entry.dtype == slot.dtype || (is_real(entry.dtype) && is_real(slot.dtype))) return "";
  return "is " + there + ", expected " + (is_real(slot.dtype) ? "F16, BF16, F32 or F64" : dtype_name(slot.dtype)) +
         (entry.dtype == DType::c64 ? "; save torch.view_as_real of it" : "");
}

inline bool is_ignored(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
    return p.ends_with("*") ? name.starts_with(p.substr(0, p.size() - 1)) : name == p;
  });
}

// What load_torch compares before it changes anything.
struct TorchMatch {
  TorchReport report;
  std::vector<std::pair<const TorchSlot*, const TorchEntry*>> pairs;  // all that fits
  std::string text;                                                   // a line for each problem
};

// The entry for a slot, under either spelling; nullptr where there is none.
inline const std::pair<const std::string, TorchEntry>* find_entry(const StateDict& dict, const std::string& name,
                                                                  const std::string& prefix,
                                                                  const std::set<std::string>& names) {
  auto found = dict.entries.find(prefix + name);
  const std::string other = other_spelling(name);
  if (found == dict.entries.end() && !other.empty() && names.count(other) == 0)
    found = dict.entries.find(prefix + other);
  return found == dict.entries.end() ? nullptr : &*found;
}

inline TorchMatch match_torch(const StateDict& dict, const std::vector<TorchSlot>& slots, const LoadTorchOptions& o) {
  TorchMatch match;
  std::string missing, misfit, extra;
  const std::set<std::string> names = slot_names(slots);
  std::set<std::string> used;
  for (const TorchSlot& slot : slots) {
    const auto* entry = find_entry(dict, slot.name, o.prefix, names);
    if (entry == nullptr) {
      match.report.missing.push_back(slot.name);
      continue;
    }
    used.insert(entry->first);
    const std::string wrong = torch_misfit(slot, entry->second, official_shape(slot, names, true));
    (wrong.empty() ? match.report.loaded : match.report.misfit).push_back(slot.name);
    if (wrong.empty())
      match.pairs.emplace_back(&slot, &entry->second);
    else
      misfit += "\n  differs: " + slot.name + " " + wrong;
  }
  for (const auto& [full, entry] : dict.entries) {
    if (!full.starts_with(o.prefix) || used.count(full) > 0) continue;
    const std::string name = full.substr(o.prefix.size());
    if (is_ignored(name, o.ignore)) continue;
    match.report.extra.push_back(name);
    extra += "\n  extra:   " + name + " " + shape_text(entry.shape);
  }
  for (const TorchSlot& slot : slots) {
    if (find_entry(dict, slot.name, o.prefix, names) != nullptr) continue;
    const std::string near = nearest_name(slot.name, match.report.extra);
    missing += "\n  missing: " + slot.name + " " + shape_text(official_shape(slot, names, true)) +
               (near.empty() ? "" : "; the nearest extra entry is " + near);
  }
  match.text = missing + misfit + extra;
  if (used.empty() && match.report.extra.empty() && !o.prefix.empty())
    match.text += "\n  no name in the file begins with " + json_quoted(o.prefix);
  if (extra.find("kernel.kernel.") != std::string::npos)
    match.text += "\n  names with kernel.kernel. are those of older versions: torch_names::from_v3 converts them";
  return match;
}

inline TorchReport load_torch(const StateDict& dict, const std::vector<TorchSlot>& slots, const LoadTorchOptions& o) {
  const TorchMatch match = match_torch(dict, slots, o);
  if (o.strict && !match.text.empty())
    throw_io_error(dict.source, "the state dict is not of this module; nothing was loaded" + match.text);
  for (const auto& [slot, entry] : match.pairs)
    slot->convert(entry->data.data(), entry->dtype, slot->count(), slot->data);
  return match.report;
}

inline void save_torch(const std::string& path, const std::vector<TorchSlot>& slots, const SaveTorchOptions& o) {
  const std::set<std::string> names = slot_names(slots);
  std::deque<std::int64_t> counts;
  std::vector<NamedArray> arrays;
  for (const TorchSlot& slot : slots) {
    NamedArray array{o.prefix + slot.name, slot.dtype, official_shape(slot, names, o.transposed), slot.data};
    if (slot.fetch != nullptr) {
      array.copy = slot.fetch(slot.data, static_cast<std::size_t>(shape_bytes(slot.shape, slot.dtype)));
      array.data = array.copy.get();
    }
    if (is_counter(slot)) {
      double value = 0;
      if (!convert_elements(static_cast<const std::byte*>(array.data), slot.dtype, false, slot.count(), &value)
               .empty() ||
          !(value >= 0 && value <= 0x1p53) || value != static_cast<double>(static_cast<std::int64_t>(value)))
        throw_value_error("save_torch: " + slot.name + " is " + std::to_string(value) + ", expected a count");
      array.dtype = DType::i64;
      array.data = &counts.emplace_back(static_cast<std::int64_t>(value));
    }
    arrays.push_back(std::move(array));
  }
  write_safetensors(path, arrays, {{"format", "pt"}});
}

}  // namespace detail

template <module_like Module>
TorchReport load_torch(const StateDict& dict, Module& module, const LoadTorchOptions& options = {}) {
  return detail::load_torch(dict, detail::torch_slots(module), options);
}
template <module_like Module>
TorchReport load_torch(const SafetensorsFile& file, Module& module, const LoadTorchOptions& options = {}) {
  return load_torch(torch_names::state_dict(file), module, options);
}
template <module_like Module>
TorchReport load_torch(const std::string& path, Module& module, const LoadTorchOptions& options = {}) {
  return load_torch(SafetensorsFile(path), module, options);
}

// Into parameters and buffers that were gathered, as by state(), under the names that they have there.
template <class T, class D>
TorchReport load_torch(const StateDict& dict, const std::vector<ParameterRef<T, D>>& refs,
                       const LoadTorchOptions& options = {}) {
  return detail::load_torch(dict, detail::torch_slots(refs), options);
}

// Replaces `path` as a whole.
template <module_like Module>
void save_torch(const std::string& path, Module& module, const SaveTorchOptions& options = {}) {
  detail::save_torch(path, detail::torch_slots(module), options);
}
template <class T, class D>
void save_torch(const std::string& path, const std::vector<ParameterRef<T, D>>& refs,
                const SaveTorchOptions& options = {}) {
  detail::save_torch(path, detail::torch_slots(refs), options);
}

}  // namespace longwave
