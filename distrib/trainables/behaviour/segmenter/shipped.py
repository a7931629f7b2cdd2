"""The configuration that daart ships, which a segmenter's score is compared with."""

SHIPPED = {
    "backbone": "dtcn",
    "n_hid_layers": 2,
    "n_hid_units": 32,
    "n_lags": 4,
    "dropout": 0.1,
    "lambda_strong": 1.0,
    "lambda_weak": 1.0,
    "lambda_pred": 1.0,
    "learning_rate": 1e-4,
    "batch_size": 2,
    "sequence_length": 500,
}
