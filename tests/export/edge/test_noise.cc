// noise.h of the C++ runner against the golden vectors: test_noise noise_v1.json
#include <fstream>
#include <sstream>

#include "check.h"
#include "json.h"
#include "noise.h"

namespace tfvae::edge {
namespace {

using test::context;
using test::fail;

// Seeds and steps have more digits than a double.
uint64_t integer(const Json& value) { return std::stoull(value.text()); }

void golden_row(const Json& row) {
  context() = row["name"].text();
  const Address address{integer(row["seed"]), integer(row["purpose"]), integer(row["example"]), integer(row["step"]),
                        integer(row["sample"])};
  const size_t width = integer(row["width"]), count = row["words"].items().size();
  const size_t examples = (count + width - 1) / width;
  const std::vector<uint32_t> drawn = words(address, examples, width);
  const std::vector<float> eps = normals(address, examples, width);
  const std::vector<double> wanted = row["normals"].numbers();
  CHECK_EQ(wanted.size(), count);
  for (size_t i = 0; i < count; ++i) {
    CHECK_EQ(uint64_t{drawn[i]}, integer(row["words"].items()[i]));
    CHECK_NEAR(eps[i], wanted[i], 2e-6);
  }
}

}  // namespace
}  // namespace tfvae::edge

int main(int argc, char** argv) {
  std::ifstream file(argc > 1 ? argv[1] : "tests/golden/noise_v1.json");
  std::stringstream text;
  text << file.rdbuf();
  const tfvae::edge::Json golden = tfvae::edge::Json::parse(text.str());
  CHECK_EQ(golden["rows"].items().size() >= 18, true);
  for (const tfvae::edge::Json& row : golden["rows"].items()) tfvae::edge::golden_row(row);
  return tfvae::test::done("test_noise");
}
