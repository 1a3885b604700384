package brokerbeat.shim;

import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentParseException;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ilm.IndexLifecycleMetadata;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicy;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicyMetadata;
import org.elasticsearch.xpack.core.ilm.OperationMode;

/** PUT, GET, DELETE _ilm/policy[/name]; policies live in the cluster's metadata as the real module's do. */
class Policies extends BaseRestHandler {
    private final ClusterService cluster;

    Policies(ClusterService cluster) {
        this.cluster = cluster;
    }

    @Override
    public String getName() {
        return "shim_ilm_policy";
    }

    @Override
    public List<Route> routes() {
        return List.of(
            new Route(RestRequest.Method.PUT, "/_ilm/policy/{name}"),
            new Route(RestRequest.Method.DELETE, "/_ilm/policy/{name}"),
            new Route(RestRequest.Method.GET, "/_ilm/policy/{name}"),
            new Route(RestRequest.Method.GET, "/_ilm/policy"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
        String name = request.param("name");
        request.param("master_timeout");
        request.param("timeout");
        return switch (request.method()) {
            case GET -> list(name);
            case PUT -> change(name, parse(name, request));
            default -> change(name, null);
        };
    }

    private RestChannelConsumer list(String name) {
        return channel -> {
            Map<String, LifecyclePolicyMetadata> all = new TreeMap<>(policies(cluster.state()));
            if (name != null && Regex.isSimpleMatchPattern(name) == false && all.containsKey(name) == false) {
                throw new ResourceNotFoundException("Lifecycle policy not found: {}", name);
            }
            XContentBuilder json = channel.newBuilder().startObject();
            for (var policy : all.entrySet()) {
                if (name == null || Regex.simpleMatch(name, policy.getKey())) {
                    write(json, policy.getKey(), policy.getValue());
                }
            }
            channel.sendResponse(new RestResponse(RestStatus.OK, json.endObject()));
        };
    }

    private static void write(XContentBuilder json, String name, LifecyclePolicyMetadata policy) throws IOException {
        json.startObject(name).field("version", policy.getVersion()).field("modified_date", policy.getModifiedDateString());
        json.field("policy", policy.getPolicy());
        json.startObject("in_use_by").field("indices", List.of()).field("data_streams", List.of());
        json.field("composable_templates", List.of()).endObject().endObject();
    }

    private static LifecyclePolicy parse(String name, RestRequest request) throws IOException {
        LifecyclePolicy.validatePolicyName(name);
        LifecyclePolicy policy = null;
        try (XContentParser parser = request.contentParser()) {
            if (parser.nextToken() != XContentParser.Token.START_OBJECT) throw new IllegalArgumentException("expected an object");
            while (parser.nextToken() == XContentParser.Token.FIELD_NAME) {
                if ("policy".equals(parser.currentName()) == false) {
                    String message = "[put_lifecycle_request] unknown field [" + parser.currentName() + "]";
                    throw new XContentParseException(parser.getTokenLocation(), message);
                }
                parser.nextToken();
                policy = LifecyclePolicy.parse(parser, name);
            }
        }
        if (policy == null) throw new IllegalArgumentException("Required [policy]");
        policy.validate();
        return policy;
    }

    /** Stores the policy, or removes the one of that name where there is none to store. */
    private RestChannelConsumer change(String name, LifecyclePolicy policy) {
        String source = "shim-ilm-policy-" + name;
        return channel -> Change.submit(
            cluster,
            source,
            state -> changed(state, name, policy),
            new RestToXContentListener<>(channel));
    }

    private static ClusterState changed(ClusterState state, String name, LifecyclePolicy policy) {
        Map<String, LifecyclePolicyMetadata> all = new TreeMap<>(policies(state));
        LifecyclePolicyMetadata old = all.remove(name);
        if (policy != null) {
            long version = old == null ? 1 : old.getVersion() + 1;
            all.put(name, new LifecyclePolicyMetadata(policy, Map.of(), version, Instant.now().toEpochMilli()));
        } else if (old == null) {
            throw new ResourceNotFoundException("Lifecycle policy not found: {}", name);
        }
        ProjectMetadata project = state.metadata().getDefaultProject();
        if (policy == null) refuseWhereUsed(project, name);
        var metadata = new IndexLifecycleMetadata(all, OperationMode.RUNNING);
        return ClusterState.builder(state)
            .putProjectMetadata(ProjectMetadata.builder(project).putCustom(IndexLifecycleMetadata.TYPE, metadata))
            .build();
    }

    private static void refuseWhereUsed(ProjectMetadata project, String name) {
        List<String> users = project.indices().values().stream()
            .filter(index -> name.equals(index.getLifecyclePolicyName()))
            .map(index -> index.getIndex().getName())
            .toList();
        if (users.isEmpty()) return;
        String message = "Cannot delete policy [" + name + "]. It is in use by one or more indices: " + users;
        throw new IllegalArgumentException(message);
    }

    private static Map<String, LifecyclePolicyMetadata> policies(ClusterState state) {
        ProjectMetadata project = state.metadata().getDefaultProject();
        IndexLifecycleMetadata metadata = project.custom(IndexLifecycleMetadata.TYPE, IndexLifecycleMetadata.EMPTY);
        return metadata.getPolicyMetadatas();
    }
}
