#include "sssd/traces_folder.hpp"

#include <dirent.h>

#include <cstdio>
#include <set>
#include <utility>

#include "longwave/data/trace_split.hpp"
#include "longwave/data/traces.hpp"
#include "longwave/io/json.hpp"

namespace longwave::examples::sssd {

namespace {

std::vector<std::string> workload_folders(const std::string& root) {
  return {root + "/kernel_traces/", root + "/Datasets/", root + "/"};
}

std::string folder_of_workload(const std::string& root, const std::string& name) {
  for (const std::string& above : workload_folders(root))
    if (file_exists(above + name)) return above + name;
  std::set<std::string> there;
  if (DIR* open = ::opendir(file_exists(root + "/kernel_traces") ? (root + "/kernel_traces").c_str() : root.c_str())) {
    while (const dirent* entry = ::readdir(open))
      if (entry->d_name[0] != '.') there.insert(entry->d_name);
    ::closedir(open);
  }
  const std::string nearest = detail::nearest_name(name, there);
  throw IoError(
      root, "holds no kernel trace \"" + name + "\"" + (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
}

std::string file_of(const std::string& folder, bool train, index_t length) {
  const std::string L = std::to_string(length), kind = train ? "train" : "test";
  for (const std::string& below : {folder + "/sequence_length_" + L + "/", folder + "/"})
    for (const std::string& name : {kind + "_stream.npy", kind + ".npy", kind + "ing.npy", kind + "ing",
                                    kind + "ing_" + L + ".txt", kind + "ing.txt"})
      if (file_exists(below + name)) return below + name;
  throw IoError(folder, "holds no " + kind + "ing sequences (" + kind + "_stream.npy, " + kind + ".npy or " + kind +
                            "ing, here or in sequence_length_" + L + ")");
}

Traces read(const std::string& path) {
  Traces traces = read_traces(path);
  if (traces.unparsable > 0)
    std::fprintf(stderr, "sssd: %s: %lld lines are no sequences and are left out, the first is line %lld, %s\n",
                 path.c_str(), static_cast<long long>(traces.unparsable),
                 static_cast<long long>(traces.first_unparsable), traces.first_reason.c_str());
  return traces;
}

// Where there is no stream: rows as they come.
TraceSplit split_rows(TensorView<const std::int32_t, 2> ids) {
  const index_t cut = ids.size(0) * 4 / 5;
  const auto first = ids.slice(0, 0, cut), second = ids.slice(0, cut, ids.size(0));
  return {take_rows(first, distinct_rows(first)), take_rows(second, unseen_rows(second, first))};
}

}  // namespace

SeriesSet as_series(TensorView<const std::int32_t, 2> ids) {
  SeriesSet set;
  set.x = Tensor<float, 3>::uninitialized({ids.size(0), 1, ids.size(1)});
  set.known = Tensor<float, 3>::uninitialized(set.x.sizes());
  for (index_t i = 0; i < ids.size(0); ++i)
    for (index_t l = 0; l < ids.size(1); ++l) {
      set.x(i, 0, l) = static_cast<float>(ids(i, l));
      set.known(i, 0, l) = 1;
    }
  return set;
}

TraceSets read_trace_sets(const std::string& root, const std::string& name, index_t length, bool honest) {
  constexpr index_t stride = 5;  // between the windows of the published files
  const std::string folder = folder_of_workload(root, name);
  const Traces train = read(file_of(folder, true, length));
  const auto with_vocabulary = [&](TensorView<const std::int32_t, 2> all, SeriesSet first, SeriesSet second) {
    const EventVocabulary known(all);
    return TraceSets{std::move(first), std::move(second), {known.ids().begin(), known.ids().end()}};
  };
  const Tensor<std::int32_t, 2> all = equal_lengths(train, length, stride);
  if (honest) {
    const TraceSplit split = train.stream ? split_stream(train.ids, length, stride) : split_rows(all.view());
    if (split.test.size(0) == 0) throw IoError(train.name, "every test sequence also stands in the training part");
    return with_vocabulary(all, as_series(split.train), as_series(split.test));
  }
  const Traces test = read(file_of(folder, false, length));
  return with_vocabulary(all, as_series(all), as_series(equal_lengths(test, length, stride)));
}

}  // namespace longwave::examples::sssd
