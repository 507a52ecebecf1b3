"""Writes train.csv and test.csv, 8 x 8 grey patches of the sample images of scikit-learn, those to train on with their
mirror images, and prints what a Gaussian and mixtures of 20 make of them, in nats per patch. It wants scikit-learn and
Pillow."""

import csv

import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.mixture import GaussianMixture

SIDE = 8
IMAGES = [image.astype(float).mean(2).round() for image in load_sample_images().images]


def patches(rng, count, left, right):
    """Patches from between two shares of the images' width, by turns."""
    rows = []
    for index in range(count):
        image = IMAGES[index % len(IMAGES)]
        height, width = image.shape
        y = rng.randint(0, height - SIDE + 1)
        x = rng.randint(int(left * width), int(right * width) - SIDE + 1)
        rows.append(image[y : y + SIDE, x : x + SIDE].ravel())
    return np.array(rows)


def main():
    rng = np.random.RandomState(0)
    train = patches(rng, 20_000, 0.0, 0.75)
    mirrored = train.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(train.shape)
    train = np.stack([train, mirrored], 1).reshape(-1, SIDE * SIDE)
    test = patches(rng, 5_000, 0.75, 1.0)
    for name, rows in [("train", train), ("test", test)]:
        with open(f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([f"p{pixel}" for pixel in range(SIDE * SIDE)])
            writer.writerows(rows.astype(int).tolist())
    noise = np.random.RandomState(1)
    train = train + noise.rand(*train.shape) - 0.5
    test = test + noise.rand(*test.shape) - 0.5
    for name, components, covariance in [
        ("Gaussian, full", 1, "full"),
        ("20 Gaussians, diagonal", 20, "diag"),
        ("20 Gaussians, full", 20, "full"),
    ]:
        model = GaussianMixture(components, covariance_type=covariance, random_state=0)
        print(name, round(-model.fit(train).score(test), 2))


if __name__ == "__main__":
    main()
