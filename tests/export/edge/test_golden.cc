// prior.h and scaling.h of the C++ runner against the golden cases: test_golden FOLDER
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "check.h"
#include "json.h"
#include "prior.h"
#include "scaling.h"

namespace tfvae::edge {
namespace {

using test::context;
using test::fail;

std::vector<Json> cases(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const Json golden = Json::parse(text.str());
  return golden["cases"].items();
}

std::vector<float> floats(const Json& values) {
  const std::vector<double> numbers = values.numbers();
  return {numbers.begin(), numbers.end()};
}

void user_units(const Json& row) {
  context() = row["name"].text();
  const std::vector<double> x = Scaling(row["scaling"]).to_user_units(floats(row["model"]));
  const std::vector<double> expected = row["user"].numbers();
  CHECK_EQ(x.size(), expected.size());
  for (size_t i = 0; i < x.size(); ++i) CHECK_NEAR(x[i], expected[i], 1e-12 * (1 + std::abs(expected[i])));
}

void from_noise(const Json& row) {
  context() = row["name"].text();
  const std::vector<float> z = Prior(row["prior"]).from_noise(floats(row["eps"]));
  const std::vector<double> expected = row["z"].numbers();
  CHECK_EQ(z.size(), expected.size());
  for (size_t i = 0; i < z.size(); ++i) CHECK_NEAR(z[i], expected[i], 1e-6 * (1 + std::abs(expected[i])));
}

}  // namespace
}  // namespace tfvae::edge

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "tests/golden";
  for (const tfvae::edge::Json& row : tfvae::edge::cases(folder + "/scaling_v1.json")) tfvae::edge::user_units(row);
  for (const tfvae::edge::Json& row : tfvae::edge::cases(folder + "/prior_v1.json")) tfvae::edge::from_noise(row);
  return tfvae::test::done("test_golden");
}
