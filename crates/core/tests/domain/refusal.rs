//! A flood of refusals is counted, not dropped, and does not flood the trail.

use chancery_core::Error;

use crate::bench::{Bench, origin};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_one_kind_are_counted_in_few_entries() {
    let bench = Bench::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let ra = bench.ra.clone();
        tasks.spawn(async move { ra.authenticate("chancery_wrong", &origin()).await });
    }
    for done in tasks.join_all().await {
        assert!(matches!(done, Err(Error::Unauthenticated)), "{done:?}");
    }
    let told = bench.told("login.failure").await;
    let count = |body: &String| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body.get("count").map_or(1, |count| count.as_u64().unwrap())
    };
    assert_eq!(told.iter().map(count).sum::<u64>(), 500);
    assert!(told.len() < 100, "{} entries", told.len());
}
