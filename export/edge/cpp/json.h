// Reads decoder.json: the part of JSON that tfvae writes, without \u escapes in strings.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace tfvae::edge {

class Json {
 public:
  // Throws std::runtime_error if the text is not JSON.
  static Json parse(const std::string& text);

  // The item of an object; throws std::runtime_error if it does not exist.
  const Json& operator[](const std::string& key) const;
  bool has(const std::string& key) const { return members_.count(key) != 0; }
  const std::vector<Json>& items() const { return items_; }
  const std::string& text() const { return text_; }
  double number() const;
  bool truth() const { return text_ == "true"; }
  // The single number, or the numbers of a list of any depth, in order.
  std::vector<double> numbers() const;

 private:
  struct Reader;

  std::string text_;  // of a string, number, boolean or null
  std::vector<Json> items_;
  std::map<std::string, Json> members_;
};

}  // namespace tfvae::edge
