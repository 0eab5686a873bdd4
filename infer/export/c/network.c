/* Stands where the exporter writes a model's weights and layers, so that the template compiles as it
 * is. */
static const float *model_network(model_work *work, int n0) {
    (void)n0;
    return work->values;
}
