/// A trigger that starts runs when runs of other pipelines end. `runnel validate` finds pipelines that would start each
/// other in a ring.
public protocol FollowingTrigger: Trigger {
    /// Whether ends of another pipeline can start runs.
    ///
    /// - Parameters:
    ///   - pipeline: The name of the other pipeline.
    ///   - own: The name of the pipeline that the trigger stands in.
    func follows(_ pipeline: String, in own: String) -> Bool
}
