// Tokenizer speed in bytes a second on one core.
// usage: bench_tokenizer [TEXT TOKENIZER...]     a file, and folders with a tokenizer
// Without arguments: Tiny Shakespeare and the tokenizers that the tests find (LORICA_SHARED, or ../shared), and a small
// committed one.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "io/formats/file_bytes.h"
#include "io/tokenizer/tokenizer.h"

namespace lorica {
namespace {

using Path = std::filesystem::path;
using Text = std::shared_ptr<const std::string>;

void count_bytes(benchmark::State& state, size_t bytes, size_t tokens) {
  state.SetBytesProcessed(static_cast<int64_t>(static_cast<size_t>(state.iterations()) * bytes));
  state.counters["bytes_per_token"] = static_cast<double>(bytes) / static_cast<double>(std::max<size_t>(tokens, 1));
}

// One call for the whole text.
void encode_whole(benchmark::State& state, const Path& model, const Text& text) {
  const auto tokenizer = Tokenizer::load(model);
  size_t tokens = 0;
  for (auto _ : state) tokens = tokenizer->encode(*text).size();
  count_bytes(state, text->size(), tokens);
}

// A line a call, as a data set is tokenized.
void encode_lines(benchmark::State& state, const Path& model, const Text& text) {
  const auto tokenizer = Tokenizer::load(model);
  size_t tokens = 0;
  for (auto _ : state) {
    tokens = 0;
    for (size_t at = 0; at < text->size();) {
      const size_t end = std::min(text->find('\n', at), text->size());
      tokens += tokenizer->encode(std::string_view(*text).substr(at, end - at)).size();
      at = end + 1;
    }
  }
  count_bytes(state, text->size(), tokens);
}

// A line without an end: the time has to grow no faster than n log n, whatever is repeated.
void encode_long_line(benchmark::State& state, const Path& model, const std::string& repeated) {
  const auto tokenizer = Tokenizer::load(model);
  std::string text;
  while (text.size() < static_cast<size_t>(state.range(0))) text += repeated;
  size_t tokens = 0;
  for (auto _ : state) tokens = tokenizer->encode(text).size();
  count_bytes(state, text.size(), tokens);
}

void decode_whole(benchmark::State& state, const Path& model, const Text& text) {
  const auto tokenizer = Tokenizer::load(model);
  const std::vector<int32_t> ids = tokenizer->encode(*text);
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->decode(ids));
  count_bytes(state, text->size(), ids.size());
}

void decode_stream(benchmark::State& state, const Path& model, const Text& text) {
  const auto tokenizer = Tokenizer::load(model);
  const std::vector<int32_t> ids = tokenizer->encode(*text);
  for (auto _ : state) {
    StreamDecoder decoder(*tokenizer, false);
    for (const int32_t id : ids) benchmark::DoNotOptimize(decoder.push(id));
    benchmark::DoNotOptimize(decoder.finish());
  }
  count_bytes(state, text->size(), ids.size());
}

void load(benchmark::State& state, const Path& model) {
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::load(model));
}

std::string random_letters(size_t count) {
  std::string letters(count, 'a');
  for (size_t i = 0; i < count; ++i) letters[i] = static_cast<char>('a' + (i * i + i / 7) % 26);
  return letters;
}

void add(const Path& model, const Text& text) {
  const std::string name = model.filename().string();
  const auto add_case = [&](const std::string& kind, auto function, const auto&... arguments) {
    return benchmark::RegisterBenchmark((kind + "/" + name).c_str(), function, model, arguments...);
  };
  add_case("encode", encode_whole, text);
  add_case("encode_lines", encode_lines, text);
  add_case("decode", decode_whole, text);
  add_case("decode_stream", decode_stream, text);
  add_case("load", load)->Unit(benchmark::kMillisecond);
  const std::vector<std::pair<const char*, std::string>> lines = {{"letters", random_letters(1 << 20)},
                                                                  {"one_letter", "a"},
                                                                  {"capitals", "A"},
                                                                  {"spaces", " "},
                                                                  {"line_ends", "\n"},
                                                                  {"digits", "7"},
                                                                  {"han", "日本語"},
                                                                  {"signs", "=-"},
                                                                  {"apostrophes", "'s"},
                                                                  {"emoji", "👨‍👩‍👧"},
                                                                  {"marks", "e\u0301"},
                                                                  {"markers", "▁"}};
  for (const auto& [kind, repeated] : lines)
    add_case(std::string("encode_long_line/") + kind, encode_long_line, repeated)->Arg(1 << 16)->Arg(1 << 20);
}

}  // namespace
}  // namespace lorica

int main(int argc, char** argv) {
  using namespace lorica;
  benchmark::Initialize(&argc, argv);
  const Path fixtures = Path(SOURCE_ROOT) / "tests/data/tokenizers";
  const char* named = std::getenv("LORICA_SHARED");
  const Path shared = named ? Path(named) : Path(SOURCE_ROOT) / ".." / "shared";
  Path book = shared / "data/tinyshakespeare/data/tinyshakespeare/input.txt";
  if (!exists(book)) book = fixtures / "make_fixtures.py";
  std::vector<Path> models = {fixtures / "gpt2_like"};
  for (const char* name : {"gpt2", "qwen3", "llama2", "bert_base_cased", "unigram_shakespeare"})
    if (exists(shared / "tokenizers" / name)) models.push_back(shared / "tokenizers" / name);
  if (argc > 1) {
    book = argv[1];
    models.assign(argv + 2, argv + argc);
  }
  const auto text = std::make_shared<const std::string>(read_file(book));
  for (const Path& model : models) add(model, text);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
