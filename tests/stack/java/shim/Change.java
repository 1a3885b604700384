package brokerbeat.shim;

import java.util.function.UnaryOperator;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.service.ClusterService;

/** A change of the cluster's state; what it throws is the answer. */
class Change extends ClusterStateUpdateTask {
    private final UnaryOperator<ClusterState> change;
    private final ActionListener<AcknowledgedResponse> done;

    private Change(UnaryOperator<ClusterState> change, ActionListener<AcknowledgedResponse> done) {
        this.change = change;
        this.done = done;
    }

    static void submit(
        ClusterService cluster,
        String source,
        UnaryOperator<ClusterState> change,
        ActionListener<AcknowledgedResponse> done
    ) {
        cluster.submitUnbatchedStateUpdateTask(source, new Change(change, done));
    }

    @Override
    public ClusterState execute(ClusterState state) {
        return change.apply(state);
    }

    @Override
    public void clusterStateProcessed(ClusterState before, ClusterState after) {
        done.onResponse(AcknowledgedResponse.TRUE);
    }

    @Override
    public void onFailure(Exception e) {
        done.onFailure(e);
    }
}
