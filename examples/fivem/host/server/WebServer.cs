using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FxServerHost
{
    /// <summary>FXServer's HTTP port: requests wait until the main thread takes them.</summary>
    internal sealed class WebServer : IDisposable
    {
        private readonly Queue<HttpListenerContext> _requests = new Queue<HttpListenerContext>();
        private readonly HttpListener _http;

        internal WebServer()
        {
            for (var port = 20000 + Process.GetCurrentProcess().Id % 20000; _http == null; port++)
            {
                Address = "http://127.0.0.1:" + port;
                _http = Open(Address);
            }
            _http.BeginGetContext(Requested, null);
        }

        internal string Address { get; }

        private static HttpListener Open(string address)
        {
            var http = new HttpListener();
            http.Prefixes.Add(address + "/");
            try
            {
                http.Start();
                return http;
            }
            catch (Exception e) when (e is HttpListenerException || e is SocketException)
            {
                return null; // the port is taken
            }
        }

        private void Requested(IAsyncResult result)
        {
            try
            {
                var context = _http.EndGetContext(result);
                lock (_requests) _requests.Enqueue(context);
                _http.BeginGetContext(Requested, null);
            }
            catch (Exception e) when (e is HttpListenerException || e is ObjectDisposedException || e is InvalidOperationException)
            {
                // closed
            }
        }

        /// <summary>Hands the received requests to the resources.</summary>
        internal void Serve(FxServer server)
        {
            while (true)
            {
                HttpListenerContext context;
                lock (_requests)
                {
                    if (_requests.Count == 0) return;
                    context = _requests.Dequeue();
                }
                string body;
                using (var reader = new StreamReader(context.Request.InputStream, new UTF8Encoding(false))) body = reader.ReadToEnd();
                int status;
                var answer = Encoding.UTF8.GetBytes(server.Request(context.Request.HttpMethod, context.Request.RawUrl, body, out status));
                context.Response.StatusCode = status;
                context.Response.OutputStream.Write(answer, 0, answer.Length);
                context.Response.Close();
            }
        }

        public void Dispose()
        {
            _http.Close();
        }
    }
}
