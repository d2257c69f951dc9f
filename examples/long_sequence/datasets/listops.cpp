// ListOps: Long Range Arena's basic_{train,val,test}.tsv; the authors' depth-20 sets as arrays, of which the last fifth
// is the test part; or drawn on the spot where no folder is named. Each epoch may have its operands in other orders.
#include "long_sequence/datasets/assemble.hpp"
#include "longwave/data/listops_generate.hpp"
#include "longwave/data/listops_reorder.hpp"
#include "longwave/io/file.hpp"

namespace longwave::examples {

namespace {

struct Parts {
  ListOps train, test;
  std::optional<ListOps> validation;
};

Parts drawn(const RunOptions& options) {
  const index_t n = options.dataset.items > 0 ? options.dataset.items : 10000;
  ListOpsGenerator how;
  if (options.dataset.length > 0) {
    how.max_length = options.dataset.length;
    how.min_length = options.dataset.length / 4;
  }
  const ListOps all = generate_listops(n + n / 5, how);  // no expression comes twice
  return {slice(all, 0, n), slice(all, n, all.size()), {}};
}

Parts read_parts(const RunOptions& options, bool train) {
  if (named_folder(options).empty()) return drawn(options);
  const std::string folder = data_folder(options, "listops", "d20s_tokens.npy");
  if (file_exists(folder + "/d20s_tokens.npy")) {
    const ListOps all = read_packed_listops(folder, "d20s");
    const index_t cut = all.size() * 4 / 5;
    return {slice(all, 0, cut), slice(all, cut, all.size()), {}};
  }
  ListOps test = read_listops(folder + "/basic_test.tsv");
  if (!train) return {{}, std::move(test), {}};
  return {read_listops(folder + "/basic_train.tsv"), std::move(test), read_listops(folder + "/basic_val.tsv")};
}

}  // namespace

RunData load_listops(const RunOptions& options, const Wanted& wanted) {
  const std::string symbols = fitted(wanted, "symbols");
  const Parts parts = read_parts(options, wanted.train || symbols.empty());
  const Vocabulary vocabulary = symbols.empty() ? listops_vocabulary(parts.train) : vocabulary_of(symbols);
  ListOpsTokens how;
  if (options.dataset.length > 0) how.l_max = options.dataset.length;
  std::optional<TokenSet> validation;
  if (wanted.train && parts.validation) validation = tokenize(*parts.validation, vocabulary, how);
  RunData data = assemble(options, wanted.train ? tokenize(parts.train, vocabulary, how) : TokenSet(),
                          tokenize(parts.test, vocabulary, how), validation);
  data.fit["symbols"] = text_of(vocabulary);
  if (wanted.train && options.dataset.fresh)
    data.fresh = [train = std::get<TokenSet>(data.train), vocabulary,
                  seed = static_cast<std::uint64_t>(options.trainer.seed)](index_t epoch) -> Part {
      return reorder_operands(train, vocabulary, {seed, 102, static_cast<std::uint32_t>(epoch)});
    };
  return data;
}

}  // namespace longwave::examples
