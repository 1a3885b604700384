package brokerbeat.shim;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.HandledTransportAction;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.MetadataDeleteIndexService;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;

/**
 * What DELETE _data_stream does, under the real action's name: rights are looked at as they are for the real one. Streams are
 * named one by one.
 */
public class StreamRemoval extends HandledTransportAction<DeleteDataStreamAction.Request, AcknowledgedResponse> {
    private final ClusterService cluster;

    @Inject
    public StreamRemoval(TransportService transport, ActionFilters filters, ClusterService cluster) {
        super(
            DeleteDataStreamAction.NAME,
            transport,
            filters,
            DeleteDataStreamAction.Request::new,
            EsExecutors.DIRECT_EXECUTOR_SERVICE);
        this.cluster = cluster;
    }

    @Override
    protected void doExecute(Task task, DeleteDataStreamAction.Request request, ActionListener<AcknowledgedResponse> done) {
        String source = "shim-remove-streams-" + Arrays.toString(request.getNames());
        Change.submit(cluster, source, state -> without(state, request.getNames()), done);
    }

    /** The streams first: an index of a stream is not deleted. */
    private ClusterState without(ClusterState state, String[] names) {
        ProjectMetadata project = state.metadata().getDefaultProject();
        ProjectMetadata.Builder builder = ProjectMetadata.builder(project);
        Set<Index> indices = new HashSet<>();
        for (String name : names) {
            DataStream stream = project.dataStreams().get(name);
            if (stream == null) throw new IndexNotFoundException(name);
            indices.addAll(stream.getIndices());
            builder.removeDataStream(name);
        }
        ClusterState changed = ClusterState.builder(state).putProjectMetadata(builder).build();
        return MetadataDeleteIndexService.deleteIndices(changed, indices, cluster.getSettings());
    }
}
