// Loaded before a program that tools/launch.mjs runs as its child: if the launcher is killed outright, the program
// is too, as it would be had it been started directly. Otherwise it would keep the port and the data directory.
import { Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'

const fd = process.env.LAUNCHER_PIPE
if (isMainThread && fd !== undefined) {
  // Processes forked from here have another file behind this number.
  delete process.env.LAUNCHER_PIPE
  process.execArgv.splice(0, process.execArgv.length, ...withoutPreload(process.execArgv))
  const pipe = new Socket({ fd: Number(fd), readable: true, writable: false })
  const end = () => process.kill(process.pid, 'SIGKILL')
  pipe.on('end', end)
  pipe.on('error', end)
  pipe.resume()
  pipe.unref()
}

function withoutPreload(options) {
  return options.filter((option, index) => option !== '--import' && options[index - 1] !== '--import')
}
