// checkpoint.hpp - a training run as one safetensors file, to go on from bit for bit.
//
//   save_checkpoint("run.ckpt", state<float>(model), optimizer.state(), {.epoch = 3, .step = 1200, ...});
//   Checkpoint saved("run.ckpt");                 // the previous one, with a notice(), where this one is damaged
//   saved.load(state<float>(model), optimizer.state());
//   const CheckpointInfo& info = saved.info();
//
// Tensors are "model/<name>" and "optimizer/<name>"; the rest is metadata: "progress" (epoch, step), "generators"
// (seed, stream, draw by name), "schedule" and "config" (texts of the caller, usually JSON), "more/<key>", and
// "crc32c" over all of it. Any range will do whose elements have a name, shape, value (pointer to dense memory) and
// count, such as the ParameterRefs of a module. Those on the device go through copies on the host: the file is the
// same, and a run goes on with the same bits on either.
//
// Saving writes a temporary file, syncs it, renames the checkpoint before it to <path>.previous, unless that one is
// damaged, and then takes its place. So at any moment, and on a full disk, a good one is there.
#pragma once

#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/io/crc32c.hpp"
#include "longwave/io/safetensors.hpp"

namespace longwave {

struct CheckpointInfo {
  std::int64_t epoch = 0;
  std::int64_t step = 0;
  std::map<std::string, PhiloxKey> generators;  // Generator::state() by name
  std::string schedule;
  std::string config;
  std::map<std::string, std::string> more;
};

inline std::string previous_checkpoint(const std::string& path) { return path + ".previous"; }

namespace detail {

struct CheckpointSlot {
  std::string name;
  DType dtype;
  std::vector<index_t> shape;
  void* data;
  void (*load)(void* data, const void* from, std::size_t bytes) = Memory<Host>::copy;
  std::shared_ptr<const void> (*fetch)(const void* data, std::size_t bytes) = nullptr;  // to the host, from the device

  std::size_t bytes() const { return static_cast<std::size_t>(shape_bytes(shape, dtype)); }
};

template <class Ref>
inline constexpr bool on_cuda = false;
template <class T, template <class, device> class Ref>
inline constexpr bool on_cuda<Ref<T, Cuda>> = true;

template <class Refs>
void append_slots(std::vector<CheckpointSlot>& slots, const std::string& prefix, const Refs& refs) {
  for (const auto& ref : refs) {
    using T = std::remove_cv_t<std::remove_pointer_t<decltype(ref.value)>>;
    CheckpointSlot slot{
        prefix + ref.name, dtype_of<T>, {ref.shape.begin(), ref.shape.end()}, const_cast<T*>(ref.value)};
    if constexpr (on_cuda<std::remove_cvref_t<decltype(ref)>>) {
      slot.load = cuda::copy_to_device;
      slot.fetch = copy_from_device;
    }
    if (shape_bytes(slot.shape, slot.dtype) != ref.count * static_cast<index_t>(sizeof(T)))
      throw_shape_error("checkpoint: " + slot.name + " has the shape " + shape_text(slot.shape) + " and " +
                        std::to_string(ref.count) + " elements");
    slots.push_back(std::move(slot));
  }
}

// One number for names, types, shapes, elements and metadata, in the order of the names.
inline std::string checkpoint_crc(const std::map<std::string, NamedArray>& arrays,
                                  const std::map<std::string, std::string>& metadata) {
  std::uint32_t crc = 0;
  auto add = [&](const std::string& text) { crc = crc32c(text.c_str(), text.size() + 1, crc); };
  for (const auto& [name, array] : arrays) {
    add(name);
    add(dtype_name(array.dtype) + shape_text(array.shape));
    crc = crc32c(array.data, static_cast<std::size_t>(shape_bytes(array.shape, array.dtype)), crc);
  }
  for (const auto& [key, text] : metadata) {
    if (key == "crc32c") continue;
    add(key);
    add(text);
  }
  return std::to_string(crc);
}

inline std::string checkpoint_crc(const SafetensorsFile& file) {
  std::map<std::string, NamedArray> arrays;
  for (const auto& [name, entry] : file.entries())
    arrays[name] = {name, entry.dtype, entry.shape, file.raw(name).data()};
  return checkpoint_crc(arrays, file.metadata());
}

inline void check_checkpoint(const SafetensorsFile& file) {
  const auto crc = file.metadata().find("crc32c");
  if (crc == file.metadata().end() || file.metadata().count("progress") == 0)
    throw_io_error(file.path(), "is a safetensors file but not a checkpoint of longwave");
  if (crc->second != checkpoint_crc(file))
    throw_io_error(file.path(), "the checksum does not match: the file is damaged");
}

inline bool good_checkpoint(const std::string& path) {
  try {
    check_checkpoint(SafetensorsFile(path));
    return true;
  } catch (const IoError&) {
    return false;
  }
}

inline std::map<std::string, std::string> to_metadata(const CheckpointInfo& info) {
  std::map<std::string, std::string> metadata;
  metadata["format"] = "longwave checkpoint 1";
  metadata["progress"] = "{\"epoch\":" + std::to_string(info.epoch) + ",\"step\":" + std::to_string(info.step) + "}";
  std::string generators = "{";
  for (const auto& [name, key] : info.generators)
    generators += (generators.size() > 1 ? "," : "") + json_quoted(name) + ":{\"seed\":" + std::to_string(key.seed) +
                  ",\"stream\":" + std::to_string(key.stream) + ",\"draw\":" + std::to_string(key.draw) + "}";
  metadata["generators"] = generators + "}";
  metadata["schedule"] = info.schedule;
  metadata["config"] = info.config;
  for (const auto& [key, text] : info.more) metadata["more/" + key] = text;
  return metadata;
}

inline CheckpointInfo to_info(const SafetensorsFile& file) {
  const auto& metadata = file.metadata();
  auto text = [&](const char* key) {
    const auto found = metadata.find(key);
    if (found == metadata.end()) throw_io_error(file.path(), std::string("the checkpoint lacks its ") + key);
    return found->second;
  };
  if (text("format") != "longwave checkpoint 1")
    throw_io_error(file.path(), "the checkpoint has the unknown format " + json_quoted(text("format")));
  CheckpointInfo info;
  const std::string progress = text("progress"), generators = text("generators");
  JsonCursor json(file.path(), progress.data(), progress.size(), 0);
  json.object("progress", [&](const std::string& key) {
    const auto value = static_cast<std::int64_t>(json.integer("a count", INT64_MAX));
    if (key == "epoch") info.epoch = value;
    if (key == "step") info.step = value;
  });
  JsonCursor states(file.path(), generators.data(), generators.size(), 0);
  states.object("generators", [&](const std::string& name) {
    PhiloxKey& key = info.generators[name];
    states.object("a generator", [&](const std::string& part) {
      const std::uint64_t value = states.integer("a generator's state", part == "seed" ? UINT64_MAX : UINT32_MAX);
      if (part == "seed") key.seed = value;
      if (part == "stream") key.stream = static_cast<std::uint32_t>(value);
      if (part == "draw") key.draw = static_cast<std::uint32_t>(value);
    });
  });
  info.schedule = text("schedule");
  info.config = text("config");
  for (const auto& [key, value] : metadata)
    if (key.starts_with("more/")) info.more[key.substr(5)] = value;
  return info;
}

inline void save_checkpoint(const std::string& path, const std::vector<CheckpointSlot>& slots,
                            const CheckpointInfo& info) {
  if (info.epoch < 0 || info.step < 0) throw_value_error("save_checkpoint: epoch or step is negative");
  std::map<std::string, NamedArray> by_name;
  std::vector<NamedArray> arrays;
  for (const CheckpointSlot& slot : slots) {
    arrays.push_back({slot.name, slot.dtype, slot.shape, slot.data});
    if (slot.fetch != nullptr) {
      arrays.back().copy = slot.fetch(slot.data, slot.bytes());
      arrays.back().data = arrays.back().copy.get();
    }
    by_name[slot.name] = arrays.back();
  }
  std::map<std::string, std::string> metadata = to_metadata(info);
  metadata["crc32c"] = checkpoint_crc(by_name, metadata);

  AtomicFile file(path);
  write_safetensors(file, arrays, metadata);
  file.sync();
  if (good_checkpoint(file.path()) && ::rename(file.path().c_str(), previous_checkpoint(file.path()).c_str()) != 0)
    throw_system_error(file.path(), "cannot keep it under the name .previous");
  file.commit();
}

}  // namespace detail

template <class Model, class Optimizer>
void save_checkpoint(const std::string& path, const Model& model, const Optimizer& optimizer,
                     const CheckpointInfo& info) {
  std::vector<detail::CheckpointSlot> slots;
  detail::append_slots(slots, "model/", model);
  detail::append_slots(slots, "optimizer/", optimizer);
  detail::save_checkpoint(path, slots, info);
}

class Checkpoint {
 public:
  // Reads and verifies all of it. Where the file is damaged or missing, the previous one is taken and notice() says so.
  explicit Checkpoint(const std::string& path) : file_(open(path, notice_)), info_(detail::to_info(file_)) {}

  const CheckpointInfo& info() const { return info_; }
  const std::string& path() const { return file_.path(); }
  const std::string& notice() const { return notice_; }  // "" when the newest file was good
  const SafetensorsFile& file() const { return file_; }

  // Names, types and shapes must agree on both sides; all that differs is in one error, and then nothing is changed.
  template <class Model, class Optimizer>
  void load(const Model& model, const Optimizer& optimizer) const {
    std::vector<detail::CheckpointSlot> slots;
    detail::append_slots(slots, "model/", model);
    detail::append_slots(slots, "optimizer/", optimizer);
    load_slots(slots, "");
  }
  // The model alone, as for evaluation.
  template <class Model>
  void load_model(const Model& model) const {
    std::vector<detail::CheckpointSlot> slots;
    detail::append_slots(slots, "model/", model);
    load_slots(slots, "model/");
  }

 private:
  static SafetensorsFile open(const std::string& path, std::string& notice) {
    try {
      SafetensorsFile file(path);
      detail::check_checkpoint(file);
      return file;
    } catch (const IoError& error) {
      const std::string previous = previous_checkpoint(path);
      if (!detail::good_checkpoint(previous)) throw;
      notice = std::string(error.what()) + "; the previous checkpoint is used: " + previous;
      return SafetensorsFile(previous);
    }
  }

  void load_slots(const std::vector<detail::CheckpointSlot>& slots, const std::string& prefix) const {
    std::string missing, misfit, extra;
    std::map<std::string, const detail::CheckpointSlot*> wanted;
    for (const detail::CheckpointSlot& slot : slots) {
      wanted[slot.name] = &slot;
      if (!file_.contains(slot.name)) {
        missing += "\n  missing: " + slot.name + " " + detail::shape_text(slot.shape);
      } else if (file_.shape(slot.name) != slot.shape || file_.dtype(slot.name) != slot.dtype) {
        misfit += "\n  differs: " + slot.name + " is " + dtype_name(file_.dtype(slot.name)) + " " +
                  detail::shape_text(file_.shape(slot.name)) + " in the file, " + dtype_name(slot.dtype) + " " +
                  detail::shape_text(slot.shape) + " here";
      }
    }
    for (const auto& [name, entry] : file_.entries())
      if (name.starts_with(prefix) && wanted.count(name) == 0)
        extra += "\n  extra:   " + name + " " + detail::shape_text(entry.shape);
    if (!(missing + misfit + extra).empty())
      detail::throw_io_error(file_.path(), "the checkpoint belongs to another model or optimizer; nothing was loaded" +
                                               missing + misfit + extra);
    for (const detail::CheckpointSlot& slot : slots) {
      const Bytes from = file_.raw(slot.name);
      if (!from.empty()) slot.load(slot.data, from.data(), from.size());
    }
  }

  std::string notice_;
  SafetensorsFile file_;
  CheckpointInfo info_;
};

}  // namespace longwave
