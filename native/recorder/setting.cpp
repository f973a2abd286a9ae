#include "setting.h"

#include <cmath>

namespace kareus {
namespace {

double numberOf(const std::string& text, double least, double most) {
  size_t read = 0;
  double value = NAN;
  try {
    value = std::stod(text, &read);
  } catch (const std::exception&) {
    read = 0;
  }
  if (read == text.size() && value >= least && value <= most) return value;
  throw Usage("not a number that fits here: " + text);
}

}  // namespace

Setting parseSetting(int argc, const char* const* argv) {
  constexpr double kLongest_s = 3600;
  Setting setting;
  for (int i = 1; i < argc; i++) {
    const std::string flag = argv[i];
    const auto value = [&](double least, double most) {
      if (i + 1 >= argc) throw Usage(flag + " needs a value");
      return numberOf(argv[++i], least, most);
    };
    if (flag == "--precision") setting.precision = value(1e-4, 1);
    else if (flag == "--window-s") setting.window_s = value(0, kLongest_s);
    else if (flag == "--most-s") setting.most_s = value(0.001, kLongest_s);
    else if (flag == "--warmup-s") setting.warmup_s = value(0, kLongest_s);
    else if (flag == "--cooldown-s") setting.cooldown_s = value(0, kLongest_s);
    else if (flag == "--trials") setting.trials = static_cast<int>(value(1, 1000));
    else if (flag == "--lock-clocks") setting.lock_clocks = true;
    else if (flag == "--check") setting.check = true;
    else if (flag == "--switch-times") setting.switch_times = true;
    else throw Usage("unknown flag " + flag);
  }
  return setting;
}

}  // namespace kareus
