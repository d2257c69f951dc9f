// Reviews with a class, pairs of articles, and text whose next byte is to be told.
#include "long_sequence/datasets/assemble.hpp"
#include "longwave/data/text.hpp"

namespace longwave::examples {

namespace {

TextOptions text_options(const RunOptions& options, index_t length) {
  return {.unit = options.dataset.tokens ? TextUnit::bytes : TextUnit::characters,
          .l_max = options.dataset.length > 0 ? options.dataset.length : length};
}

// read(part) gives the texts of "train", "test" and of what the validation part is called.
template <class Read>
RunData of_texts(const RunOptions& options, const Wanted& wanted, const Read& read, index_t min_freq,
                 const std::string& validation) {
  const std::string symbols = fitted(wanted, "symbols");
  const Texts train = wanted.train || symbols.empty() ? read("train") : Texts();
  const Vocabulary vocabulary = symbols.empty() ? text_vocabulary(train, min_freq) : vocabulary_of(symbols);
  TokenSet test = tokenize(read("test"), vocabulary);
  std::optional<TokenSet> judged;
  if (wanted.train) judged = validation == "test" ? test : tokenize(read(validation.c_str()), vocabulary);
  RunData data =
      assemble(options, wanted.train ? tokenize(train, vocabulary) : TokenSet(), std::move(test), std::move(judged));
  data.fit["symbols"] = text_of(vocabulary);
  return data;
}

}  // namespace

// IMDB: {train,test}/{neg,pos}. As in the published runs the test part is the validation part as well.
RunData load_text(const RunOptions& options, const Wanted& wanted) {
  const std::string folder = data_folder(options, "aclImdb", "train");
  const auto read = [&](const char* part) {
    return read_text_folder(folder + "/" + part, {"neg", "pos"}, text_options(options, 4097));
  };
  return of_texts(options, wanted, read, 15, "test");
}

// AAN: new_aan_pairs.{train,eval,test}.tsv.
RunData load_retrieval(const RunOptions& options, const Wanted& wanted) {
  const std::string folder = data_folder(options, "aan", "new_aan_pairs.train.tsv");
  const auto read = [&](const char* part) {
    return read_text_table(folder + "/new_aan_pairs." + part + ".tsv", aan_table, text_options(options, 4000));
  };
  return of_texts(options, wanted, read, 1, "eval");
}

// The file that dataset.folder names: the last twentieth is the test part.
RunData load_bytes(const RunOptions& options, const Wanted& wanted) {
  if (options.dataset.folder.empty())
    throw_value_error("dataset.name is bytes: name the file with --data or dataset.folder");
  const MappedFile file(options.dataset.folder);
  const std::vector<Token> tokens = byte_tokens({reinterpret_cast<const char*>(file.bytes().data()), file.size()});
  const auto cut = static_cast<std::ptrdiff_t>(tokens.size() - tokens.size() / 20);
  const index_t L = options.dataset.length > 0 ? options.dataset.length : 1024;
  const auto train = [&] { return next_tokens(file.path(), {tokens.begin(), tokens.begin() + cut}, 256, L); };
  return assemble(options, wanted.train ? train() : TokenSet(),
                  next_tokens(file.path() + " (end)", {tokens.begin() + cut, tokens.end()}, 256, L), {},
                  Predict::every_position);
}

}  // namespace longwave::examples
