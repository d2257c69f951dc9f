#include "longwave/io/json.hpp"

#include "fuzz.hpp"

using namespace longwave;

// The input is a configuration, and after a zero byte an override.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t end = std::min(text.find('\0'), text.size());
    Config config = Config::parse(text.substr(0, end), "input");
    if (end < text.size()) config.set(text.substr(end + 1));
    Config::parse(config.text(), "input again");
    const Config model = config.section("model");
    auto ask = [](auto&& get) {
      try {
        get();
      } catch (const ValueError&) {  // another type
      }
    };
    ask([&] { model.get("d_model", 1); });
    ask([&] { model.get("d_state", std::uint8_t(1)); });
    ask([&] { model.get("dropout", 0.5f); });
    ask([&] { model.get("layers", std::vector<std::string>()); });
    ask([&] { config.require<bool>("on"); });
    config.check();
  });
}
