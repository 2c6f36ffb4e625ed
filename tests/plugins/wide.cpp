#include <Eigen/Dense>
#include <cereal/cereal.hpp>
#include <cereal/types/vector.hpp>
#include <chrono>
#include <complex>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

int grow(std::vector<int>& v, int by) {
  for (int& x : v) x += by;
  return static_cast<int>(v.size());
}
void negate(double& x) { x = -x; }
void swap_them(int& a, std::string& s) {
  ++a;
  s += "!";
}
std::unique_ptr<int> boxed(std::unique_ptr<int> p) {
  if (p) *p *= 2;
  return p;
}
std::variant<int, std::string, std::vector<double>> flip(std::variant<int, double, std::string> v) {
  if (auto* i = std::get_if<int>(&v)) return *i + 1;
  if (auto* d = std::get_if<double>(&v)) return std::vector<double>{*d, *d};
  return std::get<std::string>(v) + "?";
}
std::set<int> unique_of(std::vector<int> v) { return {v.begin(), v.end()}; }
std::size_t set_size(const std::unordered_set<std::string>& s) { return s.size(); }
std::unordered_map<std::string, double> totals(std::unordered_map<std::string, double> m) {
  m["total"] = 0;
  return m;
}
std::complex<double> square(std::complex<double> z) { return z * z; }
std::chrono::milliseconds doubled(std::chrono::seconds s) { return 2 * s; }
std::filesystem::path parent(const std::filesystem::path& p) { return p.parent_path(); }
struct Grid {
  int n[3];
  char tag;
  double m[2][2];
  std::string name;
  std::vector<int> v;
};
Grid regrid(Grid g) {
  g.n[0] += g.n[1];
  g.m[1][1] = 7;
  return g;
}
Eigen::VectorXd solve(const Eigen::MatrixXd& a, Eigen::VectorXd b) { return a.colPivHouseholderQr().solve(b); }
Eigen::Matrix2d inverse(Eigen::Matrix2d m) { return m.inverse(); }
double dot(Eigen::Map<const Eigen::VectorXd> a, Eigen::Map<const Eigen::RowVector3d> b) { return b.dot(a); }
Eigen::VectorXd times(Eigen::Map<const Eigen::MatrixXd> a, const Eigen::VectorXd& b) { return a * b; }
class Account {
 public:
  Account() = default;
  template <class A>
  void serialize(A& a) {
    a(cereal::make_nvp("owner", owner_), cereal::make_nvp("cents", cents_));
  }
  void pay(long c) { cents_ += c; }

 private:
  std::string owner_;
  long cents_ = 0;
  std::vector<int> history_;
};
Account deposit(Account a, long cents) {
  a.pay(cents);
  return a;
}
std::vector<Account> both(const Account& a, std::vector<Account> more) {
  more.push_back(a);
  return more;
}
double scaled(double x, double factor = 2, int times = 1) { return x * factor * times; }
std::deque<bool> bits(std::list<bool> b) { return {b.begin(), b.end()}; }
std::multimap<int, int> mm(std::multimap<int, int> m) { return m; }
auto plus_one(int x) noexcept { return x + 1; }
std::monostate unit(int) { return {}; }
