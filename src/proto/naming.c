/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/naming.h"

const struct naming_probe naming_probes[] = {
    {.app = APP_UNKNOWN},
};
