package brokerbeat.shim;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.index.IndexNotFoundException;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.XContentBuilder;

/** GET _data_stream[/name]: the fields that a client checks, read from the real cluster state. DELETE: {@link StreamRemoval}. */
class Streams extends BaseRestHandler {
    private final ClusterService cluster;

    Streams(ClusterService cluster) {
        this.cluster = cluster;
    }

    @Override
    public String getName() {
        return "shim_data_stream";
    }

    @Override
    public List<Route> routes() {
        return List.of(
            new Route(RestRequest.Method.GET, "/_data_stream"),
            new Route(RestRequest.Method.GET, "/_data_stream/{name}"),
            new Route(RestRequest.Method.DELETE, "/_data_stream/{name}"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
        String names = request.param("name", "*");
        if (request.method() == RestRequest.Method.DELETE) {
            var removal = new DeleteDataStreamAction.Request(RestUtils.getMasterNodeTimeout(request), names.split(","));
            return channel -> client.execute(DeleteDataStreamAction.INSTANCE, removal, new RestToXContentListener<>(channel));
        }
        request.param("expand_wildcards");
        return channel -> {
            List<DataStream> hits = find(names);
            if (hits.isEmpty() && names.contains("*") == false) throw new IndexNotFoundException(names);
            XContentBuilder json = channel.newBuilder().startObject().startArray("data_streams");
            for (DataStream stream : hits) {
                write(json, stream);
            }
            channel.sendResponse(new RestResponse(RestStatus.OK, json.endArray().endObject()));
        };
    }

    private List<DataStream> find(String names) {
        List<DataStream> hits = new ArrayList<>();
        for (DataStream stream : cluster.state().metadata().getDefaultProject().dataStreams().values()) {
            if (Regex.simpleMatch(names.split(","), stream.getName())) hits.add(stream);
        }
        return hits;
    }

    private static void write(XContentBuilder json, DataStream stream) throws IOException {
        json.startObject().field("name", stream.getName());
        json.startObject("timestamp_field").field("name", "@timestamp").endObject();
        json.startArray("indices");
        for (var index : stream.getIndices()) {
            json.startObject().field("index_name", index.getName()).field("index_uuid", index.getUUID()).endObject();
        }
        json.endArray().field("generation", stream.getGeneration());
        json.field("hidden", stream.isHidden()).field("system", stream.isSystem());
        if (stream.getIndexMode() != null) json.field("index_mode", stream.getIndexMode().getName());
        json.endObject();
    }
}
