#include "sssd/files.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "longwave/io/file.hpp"

namespace longwave::examples::sssd {

namespace {

bool is_folder(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* open = ::opendir(folder.c_str());
  if (open == nullptr) return names;
  while (const dirent* entry = ::readdir(open)) names.emplace_back(entry->d_name);
  ::closedir(open);
  std::sort(names.begin(), names.end());
  return names;
}

bool whole_number(const std::string& text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

// The folder itself, or the only one below it that holds checkpoints (two levels: dataset, diffusion).
std::string folder_with_checkpoints(const std::string& path, int levels) {
  if (!iterations_in(path).empty() || levels == 0) return path;
  std::vector<std::string> found;
  for (const std::string& name : names_in(path)) {
    if (name.starts_with(".") || !is_folder(path + "/" + name)) continue;
    const std::string inside = folder_with_checkpoints(path + "/" + name, levels - 1);
    if (!iterations_in(inside).empty()) found.push_back(inside);
  }
  if (found.size() > 1)
    throw IoError(path, "holds checkpoints of several runs, such as " + found[0] + " and " + found[1] + "; name one");
  return found.empty() ? path : found[0];
}

}  // namespace

std::string read_text(const std::string& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.size()};
}

void check_overwrite(const std::vector<std::string>& paths, bool force) {
  for (const std::string& path : paths)
    if (!force && file_exists(path))
      throw_value_error(path + " is there already; name another folder or replace it (--force)");
}

std::string run_folder(const Options& options) {
  std::string folder = options.train.output_directory;
  while (folder.size() > 1 && folder.ends_with("/")) folder.pop_back();
  if (!options.trainset.dataset.empty()) folder += "/" + options.trainset.dataset;
  return folder + "/" + diffusion_folder(options);
}

std::string checkpoint_file(const std::string& folder, std::int64_t iteration) {
  return folder + "/" + std::to_string(iteration) + ".ckpt";
}

std::vector<std::int64_t> iterations_in(const std::string& folder) {
  std::vector<std::int64_t> iterations;
  for (const std::string& name : names_in(folder)) {
    std::int64_t number = 0;
    if (name.ends_with(".ckpt") && whole_number(name.substr(0, name.size() - 5), number)) iterations.push_back(number);
  }
  std::sort(iterations.begin(), iterations.end());
  return iterations;
}

void remove_checkpoints(const std::string& folder, std::int64_t after) {
  for (const std::int64_t n : iterations_in(folder)) {
    if (n <= after) continue;
    ::unlink(checkpoint_file(folder, n).c_str());
    ::unlink((checkpoint_file(folder, n) + ".previous").c_str());
  }
}

std::string find_checkpoint(const std::string& path, const std::string& iteration) {
  if (!file_exists(path))
    throw IoError(path, "is not there; expected a checkpoint or the folder of a run (sssd train writes one)");
  if (!is_folder(path)) return path;
  const std::string folder = folder_with_checkpoints(path, 2);
  const std::vector<std::int64_t> there = iterations_in(folder);
  if (there.empty()) {
    for (const std::string& name : names_in(folder))
      if (name.ends_with(".pkl"))
        throw IoError(folder, "holds PyTorch pickles (" + name + "), which are not read; train here");
    throw IoError(folder, "holds no checkpoint (<iteration>.ckpt)");
  }
  if (iteration == "max") return checkpoint_file(folder, there.back());
  std::int64_t wanted = -1;
  if (!whole_number(iteration, wanted))
    throw UsageError("the iteration of a checkpoint is \"" + iteration + "\", expected max or a number");
  if (std::find(there.begin(), there.end(), wanted) == there.end()) {
    std::string list;
    for (std::size_t i = there.size() > 5 ? there.size() - 5 : 0; i < there.size(); ++i)
      list += (list.empty() ? "" : ", ") + std::to_string(there[i]);
    throw IoError(folder, "holds no checkpoint of iteration " + iteration + "; the last ones are " + list);
  }
  return checkpoint_file(folder, wanted);
}

}  // namespace longwave::examples::sssd
