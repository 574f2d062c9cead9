/* SPDX-License-Identifier: BSD-3-Clause */
/* mapmem: the memory of a map (sync/map.h). All outside the runtime. */
#ifndef GAMP_SYNC_MAPMEM_H
#define GAMP_SYNC_MAPMEM_H

#include "sync/map.h"

struct gamp_map *map_new(void); /* NULL: out of memory */
void map_free(struct gamp_map *m);
struct mapkey map_key(struct gamp_map *m, gamp_bytes bytes);
/* 0, -ENOMEM. A node for the key, if there is none in hand; a table as mem->bits says. */
int mapmem_node(struct mapmem *mem, const struct mapkey *k);
int mapmem_table(struct mapmem *mem);
/* Frees what was not used, and the dead. */
void mapmem_put(struct mapmem *mem);

#endif
