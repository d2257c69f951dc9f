// files.hpp - folders, and where checkpoints lie: <folder>/<iteration>.ckpt, as the official <iteration>.pkl.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sssd/config.hpp"

namespace longwave::examples::sssd {

std::string read_text(const std::string& path);

// ValueError that names --force, where one of the files is there already and `force` is not set.
void check_overwrite(const std::vector<std::string>& paths, bool force);

// Where a run puts its checkpoints: <output_directory>[/<dataset>]/T200_beta00.0001_betaT0.02
std::string run_folder(const Options& options);

std::string checkpoint_file(const std::string& folder, std::int64_t iteration);
std::vector<std::int64_t> iterations_in(const std::string& folder);      // ascending
void remove_checkpoints(const std::string& folder, std::int64_t after);  // those of later iterations

// The checkpoint of `path` (a file, a run's folder, or the folder above it) at `iteration`: "max" or a number.
// IoError: what is there instead.
std::string find_checkpoint(const std::string& path, const std::string& iteration);

}  // namespace longwave::examples::sssd
