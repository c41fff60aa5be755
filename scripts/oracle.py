"""The data of scripts/oracle.sh, the other trees, and the comparison."""

import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

try:
    import lightgbm
except (ImportError, OSError):
    lightgbm = None

MOST_BETWEEN_AREAS = 0.01
MOST_BETWEEN_ANSWERS = 1e-9


def world(seed):
    """Orders that never were: a step, a product, a wave, noise, few values, and a fifth of one number missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20_000, 8))
    x[:, 5] = np.round(x[:, 5])
    log_odds = np.where(x[:, 0] > 0.3, 1.2, -0.8) + 0.9 * x[:, 1] * x[:, 2] + np.sin(2 * x[:, 3]) + 0.4 * x[:, 5]
    missing = rng.random(len(x)) < 0.2
    log_odds = np.where(missing, log_odds + 0.7, log_odds + 0.5 * x[:, 4]) - 1.0
    label = (rng.random(len(x)) < 1 / (1 + np.exp(-log_odds))).astype(float)
    x[missing, 4] = np.nan
    return x, label


def make(folder, seed):
    x, label = world(seed)
    np.savetxt(folder / "data.csv", np.column_stack([x, label]), delimiter=",", fmt="%.17g")
    if lightgbm is None:
        return
    names = ["spread_bps", "vol_bps", "vol_ratio", "imbalance", "touch_imbalance", "micro_bps", "fair_bps", "position"]
    half = len(x) // 2
    data = lightgbm.Dataset(x[:half], label[:half], feature_name=names)
    options = {"objective": "binary", "num_leaves": 15, "seed": seed, "verbosity": -1, "deterministic": True,
               "num_threads": 1}
    lightgbm.train(options, data, num_boost_round=64).save_model(folder / "lightgbm.txt")


def compare(folder, seed):
    x, label = world(seed)
    half = len(x) // 2
    ours = roc_auc_score(label[half:], np.loadtxt(folder / "ours.csv"))
    oracle = HistGradientBoostingClassifier(max_iter=64, max_leaf_nodes=15, learning_rate=0.1, l2_regularization=1.0,
                                            min_samples_leaf=20, early_stopping=False, random_state=seed)
    oracle.fit(x[:half], label[:half])
    theirs = roc_auc_score(label[half:], oracle.decision_function(x[half:]))
    print(f"seed {seed}: area {ours:.4f} ours, {theirs:.4f} scikit-learn's, {ours - theirs:+.4f} apart")
    if abs(ours - theirs) > MOST_BETWEEN_AREAS:
        sys.exit(f"oracle: more than {MOST_BETWEEN_AREAS} apart")
    if (folder / "lightgbm.txt").exists():
        said = np.loadtxt(folder / "lightgbm.csv")
        known = lightgbm.Booster(model_file=str(folder / "lightgbm.txt")).predict(x[half:], raw_score=True)
        most = np.abs(said - known).max()
        print(f"seed {seed}: LightGBM's dump as read here and by itself: at most {most:.1e} apart, {len(said)} rows")
        if most > MOST_BETWEEN_ANSWERS:
            sys.exit(f"oracle: more than {MOST_BETWEEN_ANSWERS} apart")


{"make": make, "compare": compare}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
