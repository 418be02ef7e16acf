// Tokenizer speed in bytes a second on one core. usage: bench_tokenizer; texts and published tokenizers are found as
// the tests find them (LORICA_SHARED, or ../shared), and the small committed ones are always measured.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "io/formats/file_bytes.h"
#include "io/tokenizer/tokenizer.h"

namespace lorica {
namespace {

std::filesystem::path shared_folder() {
  const char* named = std::getenv("LORICA_SHARED");
  return named ? std::filesystem::path(named) : std::filesystem::path(SOURCE_ROOT) / ".." / "shared";
}

// A line of the text a call, as a data set is tokenized.
void encode_lines(benchmark::State& state, const std::filesystem::path& model, const std::string& text) {
  const auto tokenizer = Tokenizer::load(model);
  int64_t tokens = 0;
  for (auto _ : state) {
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find("\n\n", at), text.size());
      tokens += static_cast<int64_t>(tokenizer->encode(std::string_view(text).substr(at, end - at)).size());
      at = end + 2;
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["bytes_per_token"] =
      static_cast<double>(state.iterations() * text.size()) / static_cast<double>(std::max<int64_t>(tokens, 1));
}

// One long word: the time has to grow as n log n.
void encode_long_word(benchmark::State& state, const std::filesystem::path& model) {
  const auto tokenizer = Tokenizer::load(model);
  std::string text(static_cast<size_t>(state.range(0)), 'a');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + (i * i + i / 7) % 26);
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->encode(text));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}

void decode_all(benchmark::State& state, const std::filesystem::path& model, const std::string& text) {
  const auto tokenizer = Tokenizer::load(model);
  const std::vector<int32_t> ids = tokenizer->encode(text);
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->decode(ids));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void load(benchmark::State& state, const std::filesystem::path& model) {
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::load(model));
}

void add(const std::string& name, const std::filesystem::path& model, const std::string& text) {
  benchmark::RegisterBenchmark(("encode/" + name).c_str(), encode_lines, model, text);
  benchmark::RegisterBenchmark(("decode/" + name).c_str(), decode_all, model, text);
  benchmark::RegisterBenchmark(("encode_long_word/" + name).c_str(), encode_long_word, model)->Range(1 << 10, 1 << 20);
  benchmark::RegisterBenchmark(("load/" + name).c_str(), load, model)->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace lorica

int main(int argc, char** argv) {
  const std::filesystem::path shared = lorica::shared_folder();
  const std::filesystem::path book = shared / "data/tinyshakespeare/data/tinyshakespeare/input.txt";
  const std::filesystem::path fixtures = std::filesystem::path(SOURCE_ROOT) / "tests/data/tokenizers";
  const std::string small = lorica::read_file(fixtures / "make_fixtures.py");
  const std::string text = exists(book) ? lorica::read_file(book) : small;
  lorica::add("gpt2_like", fixtures / "gpt2_like", text);
  for (const char* name : {"gpt2", "qwen3", "llama2", "bert_base_cased", "unigram_shakespeare"})
    if (exists(shared / "tokenizers" / name)) lorica::add(name, shared / "tokenizers" / name, text);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
