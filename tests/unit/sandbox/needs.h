/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SANDBOX_NEEDS_H
#define TESTS_SANDBOX_NEEDS_H

/* What the processes must be able to do, with the libraries that they do it with. 0: done. Who needs somebody
 * at the other end finds him in servers.h. */

#include "inside.h"

/* everybody */
int need_memory_and_time(const struct world *w);
int need_loop(const struct world *w);
int need_passed_descriptors(const struct world *w);
/* one each */
int need_ring(const struct world *w);
int need_database(const struct world *w);
int need_archive_written(const struct world *w);
int need_archive_read(const struct world *w);
int need_nftables(const struct world *w);
int need_conntrack(const struct world *w);
int need_control_socket(const struct world *w);
int need_metrics(const struct world *w);
int need_webhook(const struct world *w);
int need_tls_out(const struct world *w);
int need_tls_in(const struct world *w);

/* To be made beforehand, by the user whom the processes become: the archive. */
bool needs_make_archive(const struct world *w);
/* What libraries load at their first use is loaded now. */
bool needs_load(const struct world *w);

#endif
