#include "json.h"

#include <cctype>
#include <stdexcept>

namespace tfvae::edge {

struct Json::Reader {
  const std::string& text;
  size_t at = 0;

  [[noreturn]] void fail(const std::string& expected) const {
    throw std::runtime_error("not JSON at byte " + std::to_string(at) + ": expected " + expected + ".");
  }

  char next() {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at]))) ++at;
    return at < text.size() ? text[at] : '\0';
  }

  bool take(char expected) {
    if (next() != expected) return false;
    ++at;
    return true;
  }

  void expect(char expected) {
    if (!take(expected)) fail(std::string("'") + expected + "'");
  }

  std::string string() {
    expect('"');
    std::string out;
    while (at < text.size() && text[at] != '"') {
      if (text[at] == '\\') ++at;
      if (at < text.size()) out += text[at++];
    }
    expect('"');
    return out;
  }

  Json value() {
    Json out;
    if (take('{')) {
      while (next() != '}') {
        const std::string key = string();
        expect(':');
        out.members_[key] = value();
        if (!take(',')) break;
      }
      expect('}');
    } else if (take('[')) {
      while (next() != ']') {
        out.items_.push_back(value());
        if (!take(',')) break;
      }
      expect(']');
    } else if (next() == '"') {
      out.text_ = string();
    } else {
      while (at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '-' ||
                                  text[at] == '+' || text[at] == '.')) {
        out.text_ += text[at++];
      }
      if (out.text_.empty()) fail("a value");
    }
    return out;
  }
};

Json Json::parse(const std::string& text) {
  Reader reader{text};
  Json out = reader.value();
  if (reader.next() != '\0') reader.fail("the end");
  return out;
}

const Json& Json::operator[](const std::string& key) const {
  const auto found = members_.find(key);
  if (found == members_.end()) throw std::runtime_error("the key \"" + key + "\" is missing.");
  return found->second;
}

double Json::number() const {
  try {
    return std::stod(text_);
  } catch (const std::exception&) {
    throw std::runtime_error("\"" + text_ + "\" is not a number.");
  }
}

std::vector<double> Json::numbers() const {
  if (!text_.empty()) return {number()};
  std::vector<double> out;
  for (const Json& item : items_) {
    for (const double number : item.numbers()) out.push_back(number);
  }
  return out;
}

}  // namespace tfvae::edge
