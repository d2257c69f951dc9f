// evaluate.cpp - the subcommand evaluate: how like real traces generated ones are.
#include <cstdio>

#include "longwave/data/traces.hpp"
#include "sssd/commands.hpp"
#include "sssd/files.hpp"
#include "sssd/report.hpp"
#include "sssd/scores.hpp"

namespace longwave::examples::sssd {

namespace {

Traces read(const std::string& path) {
  Traces traces = read_traces(path);
  if (traces.unparsable > 0)
    std::fprintf(stderr, "sssd: %s: %lld lines are no sequences and are left out, the first is line %lld, %s\n",
                 path.c_str(), static_cast<long long>(traces.unparsable),
                 static_cast<long long>(traces.first_unparsable), traces.first_reason.c_str());
  if (traces.ids.empty()) throw IoError(path, "holds no sequence of events");
  return traces;
}

// "scores.json" -> "scores.html"
std::string report_beside(const std::string& output) {
  return (output.ends_with(".json") ? output.substr(0, output.size() - 5) : output) + ".html";
}

}  // namespace

int evaluate(const EvaluateArguments& arguments) {
  const std::string report = arguments.output.empty() ? "" : report_beside(arguments.output);
  if (!arguments.output.empty()) check_overwrite({arguments.output, report}, arguments.force);
  const Traces generated_file = read(arguments.generated), real_file = read(arguments.real);
  const std::vector<EventSequence> generated = generated_file.sequences();
  Tensor<std::int32_t, 2> windows;  // of a recording, as long as the generated ones
  std::vector<EventSequence> real = real_file.sequences();
  if (real_file.stream && !generated_file.stream) {
    windows = equal_lengths(real_file, static_cast<index_t>(generated[0].size()));
    real = rows_of(windows);
  }

  const GenerationScores scores = score_generation(generated, real);
  const ScoreTable table = generation_table(scores, generated, real);
  std::printf("%zu generated sequences of %.1f events on average, %zu real ones of %.1f\n\n%s", generated.size(),
              scores.generated_mean_length, real.size(), scores.real_mean_length, text_of(table).c_str());
  if (arguments.output.empty()) return 0;
  replace_file(arguments.output, json_of(scores) + "\n");
  ReportContent content;
  content.title = "sssd evaluate: " + arguments.generated;
  content.paragraphs = {"Compared with " + arguments.real +
                        ". accuracy and ROUGE-L: of each generated sequence with the real one that is most like it."};
  content.tables = {table};
  content.events = {{"real", EventCounts(real)}, {"generated", EventCounts(generated)}};
  write_report(report, content);
  std::printf("\nscores: %s\nreport: %s\n", arguments.output.c_str(), report.c_str());
  return 0;
}

}  // namespace longwave::examples::sssd
