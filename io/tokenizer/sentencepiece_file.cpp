#include "io/tokenizer/sentencepiece_file.h"

#include <cmath>
#include <cstring>

#include "io/formats/printable.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

// One field of a protocol buffer message: a number and, by its wire type, an integer or bytes.
struct Field {
  uint32_t number = 0;
  bool is_bytes = false;
  uint64_t integer = 0;  // the bits of a float too
  std::string_view bytes;
};

// The fields of one message, in the order of the file.
class Message {
 public:
  Message(std::string_view bytes, const std::string& origin) : rest_(bytes), origin_(origin) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    field = {.number = static_cast<uint32_t>(tag >> 3), .is_bytes = (tag & 7) == 2, .integer = 0, .bytes = {}};
    switch (tag & 7) {
      case 0:
        field.integer = varint();
        return true;
      case 1:
        field.integer = fixed(8);
        return true;
      case 2:
        field.bytes = take(varint());
        return true;
      case 5:
        field.integer = fixed(4);
        return true;
      default:
        fail();
    }
  }

 private:
  [[noreturn]] void fail() const { throw Error("{}: is not a SentencePiece model, or is damaged", origin_); }
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) fail();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  uint64_t fixed(size_t size) {
    uint64_t value = 0;
    std::memcpy(&value, take(size).data(), size);
    return value;
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail();
  }

  std::string_view rest_;
  const std::string& origin_;
};

SentencePieceFile::Piece read_piece(std::string_view bytes, size_t id, const std::string& origin) {
  SentencePieceFile::Piece piece;
  Message message(bytes, origin);
  for (Field field; message.next(field);) {
    if (field.number == 1) piece.text = field.bytes;
    if (field.number == 2) {
      const auto bits = static_cast<uint32_t>(field.integer);
      std::memcpy(&piece.score, &bits, sizeof bits);
    }
    if (field.number == 3) {
      if (field.integer < 1 || field.integer > 6)
        throw Error("{}: pieces[{}].type: {} is not known", origin, id, field.integer);
      piece.type = static_cast<SentencePieceFile::Type>(field.integer);
    }
  }
  const auto fail = [&](std::string_view what) {
    throw Error("{}: pieces[{}] ('{}'): {}", origin, id, printable(piece.text), what);
  };
  if (piece.text.empty() || !utf8::is_valid(piece.text)) fail("is empty or not UTF-8");
  if (!std::isfinite(piece.score)) fail("its score is not a number");
  if (piece.type == SentencePieceFile::Type::kUnused) fail("unused pieces are not supported");
  return piece;
}

void read_trainer(std::string_view bytes, SentencePieceFile& file, const std::string& origin) {
  Message message(bytes, origin);
  const auto refuse = [&](const char* key, std::string_view value) {
    throw Error("{}: trainer_spec.{}: {} is not supported", origin, key, value);
  };
  for (Field field; message.next(field);) {
    if (field.number == 3) {
      if (field.integer != 1 && field.integer != 2) refuse("model_type", field.integer == 3 ? "WORD" : "CHAR");
      file.is_bpe = field.integer == 2;
    }
    if (field.number == 24 && field.integer) refuse("treat_whitespace_as_suffix", "true");
    if (field.number == 35) file.byte_fallback = field.integer != 0;
    if (field.number == 41) file.bos_id = static_cast<int32_t>(field.integer);
    if (field.number == 42) file.eos_id = static_cast<int32_t>(field.integer);
  }
}

void read_normalizer_spec(std::string_view bytes, SentencePieceFile& file, const std::string& origin) {
  Message message(bytes, origin);
  for (Field field; message.next(field);) {
    if (field.number == 2) file.character_map = field.bytes;
    if (field.number == 3) file.add_dummy_prefix = field.integer != 0;
    if (field.number == 4) file.remove_extra_whitespaces = field.integer != 0;
    if (field.number == 5 && !field.integer)
      throw Error("{}: normalizer_spec.escape_whitespaces: false is not supported", origin);
  }
}

}  // namespace

SentencePieceFile read_sentencepiece_file(std::string_view bytes, const std::string& origin) {
  SentencePieceFile file;
  Message message(bytes, origin);
  for (Field field; message.next(field);) {
    if (field.number == 1) file.pieces.push_back(read_piece(field.bytes, file.pieces.size(), origin));
    if (field.number == 2) read_trainer(field.bytes, file, origin);
    if (field.number == 3) read_normalizer_spec(field.bytes, file, origin);
    if (field.number == 5) {
      SentencePieceFile denormalizer;
      read_normalizer_spec(field.bytes, denormalizer, origin);
      if (!denormalizer.character_map.empty())
        throw Error("{}: denormalizer_spec.precompiled_charsmap: is not supported", origin);
    }
  }
  if (file.pieces.empty()) throw Error("{}: is not a SentencePiece model: it has no pieces", origin);
  const auto check = [&](const char* key, int32_t id) {
    if (id >= static_cast<int64_t>(file.pieces.size()))
      throw Error("{}: trainer_spec.{}: {} is outside the vocabulary of {}", origin, key, id, file.pieces.size());
  };
  check("bos_id", file.bos_id);
  check("eos_id", file.eos_id);
  return file;
}

}  // namespace lorica
