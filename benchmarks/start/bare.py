"""What a start is held against: the script that most would write, up to its first training step.

`python benchmarks/start/bare.py FOLDER [fit]`: FOLDER holds the arrays of Fashion-MNIST as `.npy`
files; the step is one call of `train_on_batch`, or of `fit` with one step. It prints the time after
it, and the seconds of CPU that it has used.
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

folder = Path(sys.argv[1])
x, y = np.load(folder / "x_train.npy"), np.load(folder / "y_train.npy")
keras.utils.set_random_seed(42)
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        layers.Reshape((28, 28, 1)),
        layers.Rescaling(1.0 / 255),
        layers.Conv2D(16, (5, 5), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(32, (5, 5), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.SpatialDropout2D(0.2),
        layers.GlobalAveragePooling2D(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
if "fit" in sys.argv[2:]:
    model.fit(x, y, batch_size=64, epochs=1, steps_per_epoch=1, verbose=0)
else:
    model.train_on_batch(x[:64], y[:64])
print(f"{time.time():.6f} {time.process_time():.6f}", flush=True)
