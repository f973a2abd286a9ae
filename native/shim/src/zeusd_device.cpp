#include "zeusd_device.h"

#include "failure.h"

namespace kareus {
namespace {

int codeOf(int http_status) {
  if (http_status == 200) return KAREUS_OK;
  const bool refused = http_status == 401 || http_status == 403 || http_status == 404;
  return refused ? KAREUS_NO_PERMISSION : KAREUS_CHANGE_FAILED;
}

}  // namespace

ZeusdDevice::ZeusdDevice(const std::string& device, const std::string& socket, bool control)
    : read_(device, false), zeusd_(socket), index_(read_.index()) {
  info_ = read_.info();
  info_.may_control = zeusd_.mayControl();
  if (control && !info_.may_control) fail(KAREUS_NO_ZEUSD, zeusd_.socket());
}

int ZeusdDevice::lock(uint32_t freq_mhz) { return codeOf(zeusd_.lock(index_, freq_mhz)); }

int ZeusdDevice::unlock() { return codeOf(zeusd_.unlock(index_)); }

std::optional<double> ZeusdDevice::energy() { return read_.energy(); }

}  // namespace kareus
