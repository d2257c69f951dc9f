// metrics_log.hpp - figures of a run as lines of JSON, one object a line, flushed as they come:
//   {"kind":"epoch","step":160,"epoch":1,"loss":1.2345,...}
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace longwave::examples {

class MetricsLog {
 public:
  // Goes on with the lines up to step `keep_through`: a resumed run writes the later ones again. -1 starts afresh.
  explicit MetricsLog(std::string path, std::int64_t keep_through = -1);
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;
  ~MetricsLog();

  // Figures that are not finite are written as null. No allocation. Throws IoError when the disk is full.
  void write(const char* kind, std::int64_t step, std::initializer_list<std::pair<const char*, double>> figures);

 private:
  std::string path_;
  std::FILE* file_ = nullptr;
};

// The figures of all lines of one kind, in order; null is NaN. Lines that are not JSON (a run that was killed while it
// wrote) are left out.
std::vector<std::map<std::string, double>> read_metrics(const std::string& path, const std::string& kind);

}  // namespace longwave::examples
