/* data/dataset.h - from the sources of a data set to its manifest. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "data/manifest.h"

/* Lists the sources in `dataset` (a node: map or list of maps). Rows keep the order of their source
 * (files in byte order). EDATA when nothing is left, or a class has nothing to train on. */
base_status data_manifest_open(const base_node *dataset, const data_manifest_request *request,
                               data_manifest *manifest, base_error *err);
/* Checks the keys of the sources without looking for sounds. */
base_status data_manifest_check(const base_node *dataset, const data_manifest_request *request,
                                base_error *err);
void data_manifest_release(data_manifest *manifest);

#endif
