// report.hpp - a page in one HTML file that needs nothing else: charts, tables, a confusion matrix, examples.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/chart.hpp"
#include "longwave/core/view.hpp"

namespace longwave::examples {

// One sequence with what the model says about it.
struct Example {
  std::vector<float> sequence;
  std::vector<double> probabilities;  // one per class
  int label = 0;
};

struct Picture {
  std::string caption, png;  // the file's bytes
};

class Report {
 public:
  explicit Report(std::string title) : title_(std::move(title)) {}

  void heading(const std::string& text);
  void paragraph(const std::string& text);
  void figures(const std::vector<std::pair<std::string, std::string>>& name_and_value);  // large, in a row
  void charts(const std::vector<Chart>& charts);                                         // side by side where it fits
  void table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows);
  void pairs(const std::vector<std::pair<std::string, std::string>>& name_and_value);  // a table of two columns
  void code(const std::string& text);
  void pictures(const std::vector<Picture>& pictures);  // side by side, inside the page

  // counts(i, j): how often class i was taken for class j.
  void confusion(TensorView<const index_t, 2> counts, const std::vector<std::string>& classes);
  void examples(const std::vector<Example>& examples, const std::vector<std::string>& classes);

  std::string html() const;
  void write(const std::string& path) const;  // replaces an older file as a whole or not at all

 private:
  std::string title_, body_;
};

}  // namespace longwave::examples
