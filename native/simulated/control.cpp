// kareus-sim: looks at and changes the simulated machine from a shell.
//   kareus-sim <device>                      every setting
//   kareus-sim <device> <setting> [<value>]  one, changed first if there is a value
#include <cstdio>
#include <cstdlib>
#include <string>

#include "state.h"

int main(int count, char** words) {
  const unsigned index = count > 1 ? static_cast<unsigned>(std::atoi(words[1])) : 0;
  const simulated::Lock lock;
  if (count < 2 || count > 4 || index >= simulated::state().device_count) {
    std::fputs("usage: kareus-sim <device> [<setting> [<value>]]\n", stderr);
    return 2;
  }
  simulated::Device& device = simulated::state().devices[index];
  simulated::countEnergy(device);
  if (count == 2) {
#define SHOW(setting, initial) std::printf("%-14s %g\n", #setting, device.setting);
    SIMULATED_SETTINGS(SHOW)
#undef SHOW
    std::printf("%-14s %g\n", "energy_j", device.energy_j);
    return 0;
  }
  double* setting = simulated::settingOf(device, words[2]);
  if (setting == nullptr) {
    std::fprintf(stderr, "there is no setting %s\n", words[2]);
    return 2;
  }
  if (count == 4) *setting = std::atof(words[3]);
  std::printf("%g\n", *setting);
  return 0;
}
