use super::*;

#[test]
fn two_hundred_thousand_batches_of_one_take_a_supervisor_no_more_than_it_may_have() {
    // A block of the allocator has eight bytes of its own and comes in steps of sixteen, from
    // 32 on.
    let block = |bytes: usize| (bytes + 8).next_multiple_of(16).max(32);
    let name = block("TICKER".len());
    let batch =
        size_of::<Batch>() + block(size_of::<Ticker>()) + name + block(size_of::<OpenMember>());
    let bytes = 200_000 * batch;
    assert!(
        bytes <= 70 << 20,
        "{batch} bytes a batch: 30 MiB are for all else that a supervisor has"
    );
}
