//! Ridge regression that forgets: what a few numbers say of the next, learned sample by sample.
//!
//! Kept are the weighted mean of each feature and the weighted sums of products of deviations from these
//! means, so the features are standardised by all that counts now and nothing drifts apart. The weights
//! solve (C + (ρ·n + n₀)·I)·β = c, with C and c of the standardised features and n the samples' weight:
//! the penalty is added when it is solved, so that it never fades. n₀ samples of "nothing moves" are
//! believed at first. There is no intercept: with all features at their means, no move is predicted.

/// How far from its mean a feature counts, standard deviations.
pub const CLIP_SD: f64 = 4.0;
/// Samples (weighted) before anything is cut.
const MIN_WEIGHT: f64 = 30.0;

/// See the module. Of `N` features.
#[derive(Clone, Copy, Debug)]
pub struct Ridge<const N: usize> {
    weight: f64,
    means: [f64; N],
    mean_y: f64,
    /// Weighted sums of products of deviations; of a symmetric matrix the lower half is kept up.
    products: [[f64; N]; N],
    with_y: [f64; N],
    /// Of the standardised features.
    betas: [f64; N],
    /// 1 / standard deviation; zero of what is constant.
    scales: [f64; N],
}

/// All that a [`Ridge`] is made of: weight, means, mean of what is predicted, products, products with it.
pub type Sums<const N: usize> = (f64, [f64; N], f64, [[f64; N]; N], [f64; N]);

impl<const N: usize> Default for Ridge<N> {
    fn default() -> Self {
        Self {
            weight: 0.0,
            means: [0.0; N],
            mean_y: 0.0,
            products: [[0.0; N]; N],
            with_y: [0.0; N],
            betas: [0.0; N],
            scales: [0.0; N],
        }
    }
}

impl<const N: usize> Ridge<N> {
    /// Goes on from what was kept. [`None`] = that is not what a ridge leaves.
    pub fn from_sums((weight, means, mean_y, products, with_y): Sums<N>) -> Option<Self> {
        let numbers = means.iter().chain(products.iter().flatten()).chain(&with_y);
        let is_finite = [weight, mean_y].iter().chain(numbers).all(|v| v.is_finite());
        let is_sound = weight >= 0.0 && (0..N).all(|i| products[i][i] >= 0.0);
        let mut ridge = Self { weight, means, mean_y, products, with_y, ..Self::default() };
        (0..N).for_each(|i| ridge.scales[i] = ridge.scale(i));
        (is_finite && is_sound).then_some(ridge)
    }

    /// What is to be kept of it.
    pub fn sums(&self) -> Sums<N> {
        (self.weight, self.means, self.mean_y, self.products, self.with_y)
    }

    /// The samples' weight.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Weights, a standard deviation of a feature each.
    pub fn betas(&self) -> &[f64; N] {
        &self.betas
    }

    /// What each feature says; together they are what is predicted.
    #[inline]
    pub fn predict(&self, x: &[f64; N]) -> [f64; N] {
        core::array::from_fn(|i| self.betas[i] * self.standard(i, x[i]))
    }

    /// Standard deviations of a feature from its mean, cut.
    fn standard(&self, i: usize, x: f64) -> f64 {
        ((x - self.means[i]) * self.scales[i]).clamp(-CLIP_SD, CLIP_SD)
    }

    /// All that was learned counts less from here on.
    pub fn forget(&mut self, keep: f64) {
        self.weight *= keep;
        for i in 0..N {
            self.products[i][..=i].iter_mut().for_each(|sum| *sum *= keep);
            self.with_y[i] *= keep;
        }
    }

    /// Takes in a sample. The weights stay until [`Self::solve`].
    pub fn learn(&mut self, x: &[f64; N], y: f64) {
        let weight = self.weight + 1.0;
        let share = self.weight / weight;
        let cut = self.weight >= MIN_WEIGHT;
        let deviations: [f64; N] = core::array::from_fn(|i| {
            let deviation = x[i] - self.means[i];
            match cut && self.scales[i] > 0.0 {
                true => self.standard(i, x[i]) / self.scales[i],
                false => deviation,
            }
        });
        let dy = y - self.mean_y;
        for i in 0..N {
            for j in 0..=i {
                self.products[i][j] += share * deviations[i] * deviations[j];
            }
            self.with_y[i] += share * deviations[i] * dy;
        }
        (0..N).for_each(|i| self.means[i] += deviations[i] / weight);
        self.mean_y += dy / weight;
        self.weight = weight;
    }

    /// 1 / standard deviation of a feature; zero when it is constant but for rounding.
    fn scale(&self, i: usize) -> f64 {
        let variance = self.products[i][i] / self.weight;
        let noise = 1e-12 * self.means[i] * self.means[i] + 1e-18;
        if variance > noise { variance.sqrt().recip() } else { 0.0 }
    }

    /// Weights from all that was learned: `ridge` is a share of the samples' weight, `prior` samples come
    /// on top. False, and no weights, where that has no solution.
    pub fn solve(&mut self, ridge: f64, prior: f64) -> bool {
        let scales: [f64; N] = core::array::from_fn(|i| self.scale(i));
        let penalty = ridge * self.weight + prior;
        // Cholesky, in place of the lower half; a constant feature has a row of its own and weight zero.
        let mut l = [[0.0; N]; N];
        let mut solved = [0.0; N];
        for i in 0..N {
            for j in 0..=i {
                let mut sum = self.products[i][j] * scales[i] * scales[j];
                if i == j {
                    sum += penalty;
                }
                sum -= (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
                l[i][j] = if i == j { sum.sqrt() } else { sum / l[j][j] };
            }
            let known: f64 = (0..i).map(|k| l[i][k] * solved[k]).sum();
            solved[i] = (self.with_y[i] * scales[i] - known) / l[i][i];
        }
        for i in (0..N).rev() {
            let known: f64 = (i + 1..N).map(|k| l[k][i] * solved[k]).sum();
            solved[i] = (solved[i] - known) / l[i][i];
        }
        let is_solved = solved.iter().all(|v| v.is_finite());
        self.betas = if is_solved { solved } else { [0.0; N] };
        self.scales = scales;
        is_solved
    }
}
