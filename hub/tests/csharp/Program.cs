// Microsoft's C# client against a hub: client http://127.0.0.1:PORT
//
// Prints a line for each step that worked. After the line "restart" it expects the hub to restart on the same port;
// one push then ends the test.
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;

var root = args[0];
using var http = new HttpClient();

await Session("negotiated", 1, "/apiWsHub", skipNegotiation: false);
await Session("direct", 2, "/apiWsHub", skipNegotiation: true);
await Session("redirected", 3, "/redirect", skipNegotiation: false);
await Restarted();

async Task Session(string name, int server, string path, bool skipNegotiation)
{
    var (connection, events) = Build(path, skipNegotiation);
    await using var _ = connection;
    connection.On("question", (int number) => Task.FromResult($"answer {number}"));
    await connection.StartAsync();
    await Authenticate(connection, server);

    const string text = "{\"key\": \"demo-key\", \"type\": \"EVENT_DISPATCH_NOTE\", \"data\": {\"text\": \"Fußgänger 🚓\"}}";
    const string compact = "{\"key\":\"demo-key\",\"type\":\"EVENT_DISPATCH_NOTE\",\"data\":{\"text\":\"Fußgänger 🚓\"}}";
    foreach (var (shape, argument) in new[] { ("object", compact), ("verbatim", text), ("string", JsonSerializer.Serialize(text)) })
    {
        Equal("websocket", (await Control($"push?serverId={server}&shape={shape}", text)).GetProperty("delivered").GetString());
        var received = await events.ReadAsync();
        if (shape == "string") Equal(text, received.GetString());
        else Equal(argument, received.GetRawText());
    }
    var burst = Control($"burst?serverId={server}&count=1000&size=100", "");
    for (var seq = 0; seq < 1000; seq++) Equal(seq, (await events.ReadAsync()).GetProperty("data").GetProperty("seq").GetInt32());
    Equal(1000, (await burst).GetProperty("websocket").GetInt32());

    var unit = new { identId = 1, location = "here", coordinates = new { x = 1.5, y = 2, z = 3, w = 4 } };
    Equal(new Reply(true, null, 2), await connection.InvokeAsync<Reply>("unitLocation", new[] { unit, unit }));
    Equal(new Reply(false, "Missing unit location updates.", 0), await connection.InvokeAsync<Reply>("unitLocation", Array.Empty<object>()));
    Equal("text", await connection.InvokeAsync<string>("echo", "text"));
    await Refused(() => connection.InvokeAsync("nope"), "Failed to invoke 'nope' due to an error on the server. HubException: Method does not exist.");
    await Refused(() => connection.InvokeAsync("echo"), "Failed to invoke 'echo' due to an error on the server.");
    await Refused(() => connection.InvokeAsync("fail", "because"), "An unexpected error occurred invoking 'fail' on the server. HubException: because");

    Equal("answer 5", (await Control($"ask?serverId={server}&target=question", "[5]")).GetProperty("result").GetString());
    Equal("Client didn't provide a result.", (await Control($"ask?serverId={server}&target=nobody", "[]")).GetProperty("error").GetString());

    // This client does not reconnect by itself after a hub's abort.
    var closed = new TaskCompletionSource<Exception?>();
    connection.Closed += error => { closed.TrySetResult(error); return Task.CompletedTask; };
    Equal(1, (await Control($"abort?serverId={server}", "")).GetProperty("aborted").GetInt32());
    Equal(null, await closed.Task);
    await connection.StartAsync();
    await Authenticate(connection, server);
    await Control($"push?serverId={server}", text);
    Equal(compact, (await events.ReadAsync()).GetRawText());
    Console.WriteLine(name);
}

async Task Restarted()
{
    var (connection, events) = Build("/apiWsHub", skipNegotiation: false);
    await using var _ = connection;
    await connection.StartAsync();
    await Authenticate(connection, 4);
    var back = new TaskCompletionSource();
    connection.Reconnected += _ => { back.TrySetResult(); return Task.CompletedTask; };
    Console.WriteLine("restart");
    await back.Task;
    await Authenticate(connection, 4);
    Equal("{\"n\":1}", (await events.ReadAsync()).GetRawText());
    Console.WriteLine("restarted");
}

(HubConnection, ChannelReader<JsonElement>) Build(string path, bool skipNegotiation)
{
    var connection = new HubConnectionBuilder()
        .WithUrl(root + path, HttpTransportType.WebSockets, options => options.SkipNegotiation = skipNegotiation)
        .WithAutomaticReconnect(new Always())
        .Build();
    var events = Channel.CreateUnbounded<JsonElement>();
    connection.On("pushEvent", (JsonElement payload) => events.Writer.TryWrite(payload.Clone()));
    return (connection, events.Reader);
}

async Task Authenticate(HubConnection connection, int server) =>
    Equal(new Reply(true, null, 1), await connection.InvokeAsync<Reply>("authenticatev2", "demo", "demo-key", server));

async Task<JsonElement> Control(string path, string body)
{
    using var response = await http.PostAsync($"{root}/control/{path}", new StringContent(body));
    response.EnsureSuccessStatusCode();
    return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
}

static async Task Refused(Func<Task> call, string message)
{
    try { await call(); }
    catch (HubException e) { Equal(message, e.Message); return; }
    throw new Exception($"not refused: {message}");
}

static void Equal<T>(T expected, T actual)
{
    if (!Equals(expected, actual)) throw new Exception($"expected {expected}, got {actual}");
}

internal sealed record Reply(bool Success, string? Error, int Count);

internal sealed class Always : IRetryPolicy
{
    public TimeSpan? NextRetryDelay(RetryContext context) => TimeSpan.FromMilliseconds(100);
}
