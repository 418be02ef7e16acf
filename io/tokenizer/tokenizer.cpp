#include "io/tokenizer/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "io/formats/content_hash.h"
#include "io/formats/file_bytes.h"
#include "io/tokenizer/added_tokens.h"
#include "io/tokenizer/byte_alphabet.h"
#include "io/tokenizer/decoder.h"
#include "io/tokenizer/json_node.h"
#include "io/tokenizer/model.h"
#include "io/tokenizer/normalizer.h"
#include "io/tokenizer/post_processor.h"
#include "io/tokenizer/pre_tokenizer.h"
#include "io/tokenizer/sentencepiece.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

// What one encode() needs for itself.
struct Workspace {
  MatchMemory match;
  std::unique_ptr<ModelMemory> model;
  std::string normalized;
};

// Workspaces wait here between calls, so that caches of words stay warm; there are as many as ever ran at once.
class WorkspacePool {
 public:
  std::unique_ptr<Workspace> take(const Model& model) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Workspace> workspace = std::move(idle_.back());
        idle_.pop_back();
        return workspace;
      }
    }
    auto workspace = std::make_unique<Workspace>();
    workspace->model = model.make_memory();
    return workspace;
  }
  void give_back(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(workspace));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

// The bytes that every token of a byte-level tokenizer stands for, by id; empty for an id without a token.
class Spelling {
 public:
  Spelling(const AddedTokens& added, const Vocabulary& vocabulary) {
    const int32_t end = std::max(vocabulary.end(), added.end());
    for (int32_t id = 0; id < end; ++id) {
      if (const AddedToken* token = added.find(id)) {
        bytes_ += token->content;
      } else {
        append_bytes_of(vocabulary.text(id), bytes_);
      }
      ends_.push_back(bytes_.size());
    }
  }
  std::string_view of(int32_t id) const {
    const auto index = static_cast<size_t>(id);
    if (id < 0 || index >= ends_.size()) return {};
    const size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

}  // namespace

struct Tokenizer::Parts {
  std::string origin;
  std::unique_ptr<Normalizer> normalizer;       // may be null
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // may be null
  std::unique_ptr<Model> model;
  AddedTokens added;
  PostProcessor post_processor;
  std::unique_ptr<Decoder> decoder;
  bool bytes = false;  // the pieces that the model gets are the bytes of the text
  mutable WorkspacePool workspaces;
  mutable std::once_flag spelling_made;
  mutable std::optional<const Spelling> spelling;  // only where asked for

  /// `own_normalizer`: stands in for the file's, and leaves added tokens as they are.
  Parts(const JsonNode& root, const std::string& name, std::unique_ptr<Normalizer> own_normalizer = nullptr);
  void tokenize(Span text, Workspace& workspace, std::vector<int32_t>& ids) const;
  void encode(std::string_view text, Workspace& workspace, std::vector<int32_t>& ids) const;
  std::string_view token_text(int32_t id) const;
  void decode_one(int32_t id, bool skip_special, DecoderPass& pass, TokenSink sink) const;
};

Tokenizer::Parts::Parts(const JsonNode& root, const std::string& name, std::unique_ptr<Normalizer> own_normalizer)
    : origin(name) {
  root.allow_only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                   "decoder", "model"});
  if (const auto version = root.find("version"); version && version->string() != "1.0")
    version->expected("version \"1.0\"");
  if (const auto node = root.find("normalizer")) normalizer = read_normalizer(*node);
  if (const auto node = root.find("pre_tokenizer")) {
    ReadPreTokenizer read = read_pre_tokenizer(*node);
    pre_tokenizer = std::move(read.splitter);
    bytes = read.bytes;
  }
  model = read_model(root.at("model"), bytes);
  if (const auto node = root.find("added_tokens")) added = AddedTokens(*node, model->vocabulary(), normalizer.get());
  if (own_normalizer) normalizer = std::move(own_normalizer);
  if (const auto node = root.find("post_processor")) {
    post_processor = read_post_processor(*node);
    for (const auto* ids : {&post_processor.before, &post_processor.after})
      for (const int32_t id : *ids)
        if (!token_text(id).data()) node->fail(fmt::format("no token has the id {}", id));
  }
  const auto node = root.find("decoder");
  decoder = node ? read_decoder(*node) : make_joining_decoder();
}

// A null view where no token has the id.
std::string_view Tokenizer::Parts::token_text(int32_t id) const {
  if (const AddedToken* token = added.find(id)) return token->content;
  return model->vocabulary().text(id);
}

void Tokenizer::Parts::tokenize(Span text, Workspace& workspace, std::vector<int32_t>& ids) const {
  if (!pre_tokenizer) return model->tokenize(text.text, *workspace.model, ids);
  pre_tokenizer->split(text, workspace.match, [&](Span piece) { model->tokenize(piece.text, *workspace.model, ids); });
}

void Tokenizer::Parts::encode(std::string_view text, Workspace& workspace, std::vector<int32_t>& ids) const {
  added.cut(text, /*normalized=*/false, [&](std::string_view raw, int32_t raw_id) {
    if (raw_id >= 0) return ids.push_back(raw_id);
    std::string_view normalized = raw;
    bool at_start = raw.data() == text.data();
    if (normalizer) {
      workspace.normalized = raw;
      at_start &= normalizer->apply(workspace.normalized, workspace.match);
      normalized = workspace.normalized;
    }
    added.cut(normalized, /*normalized=*/true, [&](std::string_view fragment, int32_t id) {
      if (id >= 0) return ids.push_back(id);
      tokenize({fragment, at_start && fragment.data() == normalized.data()}, workspace, ids);
    });
  });
}

void Tokenizer::Parts::decode_one(int32_t id, bool skip_special, DecoderPass& pass, TokenSink sink) const {
  const AddedToken* token = added.find(id);
  const std::string_view text = token ? std::string_view(token->normalized_content) : model->vocabulary().text(id);
  if (!text.data()) throw Error("{}: no token has the id {}", origin, id);
  if (skip_special && added.is_special(text)) return;
  pass.add(text, true, sink);
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts, std::string fingerprint)
    : parts_(std::move(parts)), fingerprint_(std::move(fingerprint)) {}
Tokenizer::~Tokenizer() = default;

std::shared_ptr<const Tokenizer> Tokenizer::load(const std::filesystem::path& folder_or_file) {
  std::filesystem::path file = folder_or_file;
  if (std::filesystem::is_directory(folder_or_file)) {
    file /= "tokenizer.json";
    if (const auto model = folder_or_file / "tokenizer.model"; !exists(file) && exists(model)) file = model;
  }
  const MappedFile mapped(file);
  if (file.extension() != ".model") return from_json(mapped.bytes(), file.string());
  std::optional<bool> add_bos, add_eos;
  if (const auto config = file.parent_path() / "tokenizer_config.json"; exists(config)) {
    const auto flag = [](const JsonNode& root, const char* key) {
      const auto node = root.find(key);
      return node ? std::optional(node->boolean()) : std::nullopt;
    };
    with_json(MappedFile(config).bytes(), config.string(), [&](const JsonNode& root) {
      add_bos = flag(root, "add_bos_token");
      add_eos = flag(root, "add_eos_token");
    });
  }
  return from_sentencepiece(mapped.bytes(), file.string(), add_bos, add_eos);
}

std::shared_ptr<const Tokenizer> Tokenizer::from_sentencepiece(std::string_view bytes, const std::string& origin,
                                                               std::optional<bool> add_bos,
                                                               std::optional<bool> add_eos) {
  const SentencePieceFile file = read_sentencepiece_file(bytes, origin);
  const nlohmann::json spec = sentencepiece_json(file, {.add_bos = add_bos, .add_eos = add_eos});
  std::unique_ptr<Normalizer> normalizer;
  try {
    normalizer = make_sentencepiece_normalizer(file);
  } catch (const Error& error) {
    throw Error("{}: normalizer_spec.precompiled_charsmap: {}", origin, error.what());
  }
  return std::shared_ptr<const Tokenizer>(
      new Tokenizer(std::make_unique<const Parts>(JsonNode(spec, origin), origin, std::move(normalizer)),
                    content_hash(content_hash(bytes) + spec.dump())));
}

std::shared_ptr<const Tokenizer> Tokenizer::from_json(std::string_view json, const std::string& origin) {
  std::unique_ptr<const Parts> parts;
  with_json(json, origin, [&](const JsonNode& root) { parts = std::make_unique<const Parts>(root, origin); });
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(parts), content_hash(json)));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  if (const size_t bad = utf8::find_invalid(text); bad != std::string_view::npos)
    throw Error("text is not UTF-8: byte 0x{:02x} at offset {}", static_cast<unsigned char>(text[bad]), bad);
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3 + 8);
  const PostProcessor& around = parts_->post_processor;
  if (add_special_tokens) ids.insert(ids.end(), around.before.begin(), around.before.end());
  std::unique_ptr<Workspace> workspace = parts_->workspaces.take(*parts_->model);
  parts_->encode(text, *workspace, ids);
  parts_->workspaces.give_back(std::move(workspace));
  if (add_special_tokens) ids.insert(ids.end(), around.after.begin(), around.after.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::string text;
  const std::unique_ptr<DecoderPass> pass = parts_->decoder->start();
  const auto sink = [&](std::string_view part, bool) { text += part; };
  for (const int32_t id : ids) parts_->decode_one(id, skip_special_tokens, *pass, sink);
  pass->finish(sink);
  return text;
}

std::vector<size_t> Tokenizer::starts(std::string_view text, std::span<const int32_t> ids) const {
  if (!parts_->bytes) return {};
  std::call_once(parts_->spelling_made, [&] { parts_->spelling.emplace(parts_->added, parts_->model->vocabulary()); });
  std::vector<size_t> starts;
  starts.reserve(ids.size());
  size_t at = 0;
  for (const int32_t id : ids) {
    const std::string_view token = parts_->spelling->of(id);
    if (token.empty() || !text.substr(at).starts_with(token)) return {};
    starts.push_back(at);
    at += token.size();
  }
  if (at != text.size()) return {};
  return starts;
}

std::optional<int32_t> Tokenizer::id_of(std::string_view token) const {
  const auto id = parts_->added.id_of(token);
  return id ? id : parts_->model->vocabulary().id_of(token);
}

std::string_view Tokenizer::token_text(int32_t id) const {
  const std::string_view text = parts_->token_text(id);
  if (!text.data()) throw Error("{}: no token has the id {}", parts_->origin, id);
  return text;
}

bool Tokenizer::is_special(int32_t id) const {
  const std::string_view text = parts_->token_text(id);
  return text.data() && parts_->added.is_special(text);
}

int32_t Tokenizer::vocab_size() const { return std::max(parts_->model->vocabulary().end(), parts_->added.end()); }

struct StreamDecoder::State {
  const Tokenizer::Parts& parts;
  bool skip_special;
  std::unique_ptr<DecoderPass> pass;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : state_(new State{*tokenizer.parts_, skip_special_tokens, tokenizer.parts_->decoder->start()}) {}
StreamDecoder::~StreamDecoder() = default;

std::string StreamDecoder::push(int32_t id) {
  std::string text;
  state_->parts.decode_one(id, state_->skip_special, *state_->pass, [&](std::string_view part, bool) { text += part; });
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  state_->pass->finish([&](std::string_view part, bool) { text += part; });
  return text;
}

}  // namespace lorica
