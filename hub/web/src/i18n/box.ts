/** Sentences that the edge agent writes in English, in Chinese; one that is not known here is shown as it came. */
import { lang } from "../state/prefs";

/** English with `{holes}`, and the Chinese that takes the same holes. */
export const BOX_SENTENCES: readonly (readonly [string, string])[] = [
  ["the vehicle was out of sight for a moment; its place and size are the same", "车辆曾短暂离开视线，再现时位置和大小相同"],
  ["{n} vehicles stand in the zone: it may be a queue", "区域内停有 {n} 辆车，可能是排队"],
  ["another vehicle took the place", "该位置已被另一辆车占用"],
  ["at least {n} persons: their boxes overlap, some may be hidden", "至少 {n} 人：检测框重叠，可能有人被遮挡"],
  ["not classified: something new that does not move", "未识别类别：新出现且静止不动的物体"],
  ["not seen again after a restart of the box", "边缘节点重启后未再看到"],
  ["nobody looked for a while", "曾有一段时间无人观察"],
  ["the looks are too far apart to judge by this rule", "观察间隔过长，无法按该规则判断"],
  ["the clean reference was learned again; whether it is gone is not known", "参考背景已重新学习，是否已清除未知"],
  ["the clean reference was learned again with the thing in it; since then it was taken away", "参考背景重新学习时物体仍在，此后已被移走"],
  ["the box was off or its camera blind from {since}; whether it ended is not known", "自 {since} 起边缘节点停机或摄像机无画面，是否结束未知"],
  ["a picture could not be made", "有一张照片未能生成"],
  ["a picture could not be kept on the box's disk", "有一张照片未能保存到边缘节点磁盘"],
  ["pictures were dropped: the box's disk was full for long", "边缘节点磁盘长时间已满，照片被丢弃"],
  ["a clock was set while this was open: its times do not give its length", "期间时钟被调整，其时间不能反映时长"],
  ["the opening has a later time than this message: a clock was set back, or the camera's is ahead", "发现时间晚于本消息：时钟被调慢，或摄像机时钟偏快"],
  ["{who} sends video that cannot be decoded; check the camera, its codec and how often it sends key frames", "视频无法解码，请检查摄像机、编码和关键帧间隔（{who}）"],
  ["{who} sends more than any camera does, 300 packets or 13 MB a second; check its frame rate and bit rate", "码流超出任何摄像机的正常水平（每秒 300 个数据包或 13 MB），请检查帧率和码率（{who}）"],
  ["camera {id} no longer configured", "摄像机 {id} 已不在配置中"],
  ["rule {id} no longer configured", "规则 {id} 已不在配置中"],
  ["the hours of this rule ended", "该规则的时段已结束"],
  ["camera {id}: no packet for {n} s", "摄像机 {id}：已 {n} s 没有收到数据"],
  ["{n} threads hang in this camera; restart the agent", "此摄像机有 {n} 个线程卡死，请重启边缘节点程序"],
  ["unexpected {name}; the log has the details", "意外错误 {name}，详见边缘节点日志"],
  ["camera {id} refused the credentials; check source.username and source.password", "摄像机 {id} 拒绝了用户名或密码，请检查 source.username 和 source.password"],
  ["camera {id} sent nothing for too long; the camera or the network hangs", "摄像机 {id} 长时间没有数据，摄像机或网络卡死"],
  ["camera {id} did not answer in time; check the address, the network and the camera's power", "摄像机 {id} 未及时应答，请检查地址、网络和摄像机电源"],
  ["camera {id} has no such stream (404); check the path of source.url", "摄像机 {id} 没有这个码流（404），请检查 source.url 的路径"],
  ["camera {id} refused the connection; check the port of source.url and that RTSP is switched on", "摄像机 {id} 拒绝连接，请检查 source.url 的端口以及 RTSP 是否开启"],
  ["camera {id} broke the connection", "摄像机 {id} 断开了连接"],
  ["camera {id} sent data that is not RTSP or not video; check port and path of source.url", "摄像机 {id} 发来的不是 RTSP 或视频，请检查 source.url 的端口和路径"],
  ["camera {id} sends no video that can be read; check the port, the path and the codec", "摄像机 {id} 没有可读取的视频，请检查端口、路径和编码"],
  ["camera {id} does not exist; check source.path", "摄像机 {id} 不存在，请检查 source.path"],
  ["camera {id} may not be read; check its owner and mode", "摄像机 {id} 无权读取，请检查所有者和权限"],
  ["camera {id} is a folder, not a video; check source.path", "摄像机 {id} 是文件夹而不是视频，请检查 source.path"],
  ["camera {id} is not a video that can be read; it is damaged or of an unknown format", "摄像机 {id} 不是可读取的视频，文件损坏或格式未知"],
  ["camera {id} sends pictures of {size}, too large to decode; choose a smaller stream", "摄像机 {id} 的画面为 {size}，过大而无法解码，请选用较小的码流"],
  ["camera {id} holds no video", "摄像机 {id} 不含视频"],
  ["camera {id} failed: {why}; check the address and what lies at it", "摄像机 {id} 出错：{why}，请检查地址及其内容"],
];

const HOLE = /\{(\w+)\}/;

function pattern(english: string): RegExp {
  const pieces = english.split(/(\{\w+\})/).map((piece) => {
    const hole = HOLE.exec(piece)?.[1];
    return hole ? `(?<${hole}>.+?)` : piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${pieces.join("")}$`, "s");
}

const PATTERNS = BOX_SENTENCES.map(([english, chinese]) => ({ english: pattern(english), chinese }));

/** What the box said, in the language of the page when its sentence is known. */
export function boxWords(said: string): string {
  if (lang.value === "en") return said;
  for (const { english, chinese } of PATTERNS) {
    const holes = english.exec(said)?.groups;
    if (holes || english.test(said)) return chinese.replace(/\{(\w+)\}/g, (_, name: string) => holes?.[name] ?? "");
  }
  return said;
}
